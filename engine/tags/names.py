"""The names of tags, as the rest of the program uses them; each container has its own word for each."""

from __future__ import annotations

RECIPE = "ACETUI_RECIPE"
"""The tag that holds the resolved request as JSON; it has this name in every container."""

NAMES = ("title", "artist", "comment", "lyrics", "bpm", "key", "date", "software", RECIPE)
