"""What the Makefile runs: making the environment, installing, checking, the first take. Nothing here is installed."""
