"""The command line's verbs, a module for each, and what they share. None of it knows the toolkit."""
