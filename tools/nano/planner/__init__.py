"""The nano planner: a 5 Hz language model of a few million weights, on the prompts of the real ones."""
