"""The planner's words in the draft: a song from a sentence, polish, and what a take or a file says.

Nothing is rendered by it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acetui.doing import Handler

if TYPE_CHECKING:
    from acetui.app import StudioApp

_WORDS = ("caption", "lyrics")
_METADATA = ("bpm", "keyscale", "timesignature", "duration", "vocal_language", "instrumental")


async def write_song(app: StudioApp) -> None:
    """A sentence becomes caption, lyrics and metadata."""
    query = await app.ask_line("What is the song to be like?")
    if not query or not query.strip():
        return
    app.say("The planner writes a song of it.")
    written = await app.link.client.write("sample", query=query.strip())
    app.writing.put(_told(written, (*_WORDS, *_METADATA)))
    app.say("Written by the planner; nothing is rendered before it is applied.")


async def polish(app: StudioApp) -> None:
    """Caption and lyrics as the planner would put them; what is set of the metadata stays."""
    app.writing.pull()
    recipe = app.writing.drafting.recipe()
    app.say("The planner goes over the words.")
    written = await app.link.client.write("format", recipe=recipe)
    open_ones = tuple(name for name in _METADATA if recipe.get(name) is None)
    app.writing.put(_told(written, (*_WORDS, *open_ones)))
    app.say("Polished by the planner; nothing is rendered before it is applied.")


async def understand(app: StudioApp) -> None:
    """What the take under the cursor sounds like, in words."""
    number = app.book.cursor
    if number is None:
        app.say("There is no take here.")
        return
    app.say(f"The planner listens to take {number}.")
    written = await app.link.client.write("understand", take=str(number))
    app.writing.put(_told(written, (*_WORDS, *_METADATA)))
    app.say(f"What the planner hears in take {number} is typed, and not applied.")


async def understand_file(app: StudioApp) -> None:
    """What a file of this machine sounds like, in words."""
    answer = await app.ask_line("sound file:", complete=path_going_on)
    if not answer or not answer.strip():
        return
    file = Path(answer.strip()).expanduser()
    app.say(f"The planner listens to {file.name}.")
    source = await app.link.client.upload(file)
    written = await app.link.client.write("understand", source=source)
    app.writing.put(_told(written, (*_WORDS, *_METADATA)))
    app.say(f"What the planner hears in {file.name} is typed, and not applied.")


def path_going_on(text: str) -> str | None:
    """``text`` with as much more of a path as all that are there have in common; None where there is none."""
    folder, name = os.path.split(text)
    try:
        there = sorted(Path(folder or ".").expanduser().iterdir())
    except OSError:
        return None
    fitting = [each for each in there if each.name.startswith(name) and (name or not each.name.startswith("."))]
    if not fitting:
        return None
    ends = zip(fitting[0].name, fitting[-1].name, strict=False)  # in order, these two differ first
    shared = os.path.join(folder, "".join(one for one, _ in takewhile(lambda both: both[0] == both[1], ends)))
    if len(fitting) == 1 and fitting[0].is_dir():
        shared = os.path.join(shared, "")
    return shared if shared != text else None


def _told(written: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """What the planner has said of these fields; what it leaves open stays as it is."""
    return {name: written[name] for name in names if written.get(name) not in (None, "", "unknown")}


HANDLERS: Mapping[str, Handler] = {
    "write-song": write_song,
    "polish": polish,
    "understand": understand,
    "understand-file": understand_file,
}
