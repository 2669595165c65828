"""The names of tags, as the rest of the program uses them; each container has its own word for each."""

from __future__ import annotations

RECIPE = "ACETUI_RECIPE"
"""The tag that holds the resolved request as JSON; it has this name in every container."""

TAKE = "ACETUI_TAKE"
"""The tag that holds what only a session knows of a take, as JSON: revision, parent, operation, batch."""

OWN = (RECIPE, TAKE)
"""Tags that have the same name in every container."""

NAMES = ("title", "artist", "comment", "lyrics", "bpm", "key", "date", "software", *OWN)
