"""The terminal studio and its command line. Nothing here imports torch: the model lives in another process."""
