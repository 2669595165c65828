"""Theme files (TOML), found at run time; ``acetui.looks.themes`` says what stands in them."""
