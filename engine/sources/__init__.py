"""Music that begins with music: sources read, laid out, held where they are to stay, and joined (docs/tasks.md)."""
