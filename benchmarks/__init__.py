"""acetui beside diffusers: the same random weights, in one run, interleaved. ``python -m benchmarks --help``."""
