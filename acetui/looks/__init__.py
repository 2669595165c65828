"""How things are drawn: signs, colours, themes, lines that fit, and a person's choices of them."""
