"""The terminal and the sound here, the studio on another machine: reached by the person's own ssh."""
