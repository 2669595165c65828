"""Theme files (TOML), found at run time; ``acetui.themes`` says what stands in them."""
