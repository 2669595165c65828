"""Hearing takes on this machine: where their audio comes from, decoding ahead, mixing, and where sound goes out.

Nothing here knows the terminal's toolkit, and the library for sound is loaded when something is first to be heard.
"""
