"""Hearing several takes: side by side, one after the other, and what the studio is told of it. No toolkit."""
