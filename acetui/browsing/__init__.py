"""The list of takes and what is told of one, as values and lines of text. None of it knows the toolkit."""
