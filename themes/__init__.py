"""Theme files (TOML), found at run time. There are none yet; they come with the terminal."""
