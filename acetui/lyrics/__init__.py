"""What lyrics are made of: sections, lines, tags, syllables, and what a person should look at."""
