"""The recipe as it is shown, typed, checked for changes and kept. None of it knows the toolkit."""
