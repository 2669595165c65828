"""Actions and the keys that mean them."""
