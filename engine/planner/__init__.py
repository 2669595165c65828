"""The planner: a 5 Hz language model that fills in what is left open, and writes the codes that the DiT follows."""
