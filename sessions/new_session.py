"""A new session: a folder with a session.toml that explains itself."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from engine.errors import InvalidRequest
from engine.fields import Field, plain, shown
from engine.request import FIELDS
from sessions.places import SESSION_FILE, check_name, sessions_folder
from sessions.recipe import edit
from sessions.revisions import FOLDER as REVISIONS
from sessions.settings import BESIDE, Settings
from sessions.table import Table
from sessions.tables import ScoreSettings
from sessions.toml_text import written
from sessions.whole_files import write_whole

_WIDTH = 30
"""Columns before the comment behind a line."""

_OF_THE_SYSTEM = frozenset({".DS_Store", ".directory", "Thumbs.db", "desktop.ini", "lost+found"})
"""What file managers and file systems put into folders that a person calls empty."""

_HEAD = """\
# A session of acetui. Edit it in any editor: the studio follows every save, and the next batch is made from it.
# A line that begins with '#' is not read. Take away the '#' to use its setting; what is left out has its default.
"""

_RECIPE: Mapping[str, object] = MappingProxyType(
    {
        "bpm": 96,
        "keyscale": "A minor",
        "timesignature": "4",
        "vocal_language": "en",
        "duration": 60.0,
        "instrumental": True,
        "batch_size": 2,
        "inference_steps": 8,
        "thinking": False,
    }
)
"""Fields that are shown in a new file, each with an example."""

_GRID = """\
# Every combination of these is rendered in turn; a list for each field.
#[recipe.grid]
#bpm = [90, 100, 110]
#shift = [1.0, 3.0]
"""


def text_of(settings: Settings | None = None) -> str:
    """The text of a new session.toml with these settings."""
    sections = [_HEAD, _recipe(), *(_section(name, table) for name, table in BESIDE.items())]
    return edit("\n".join(sections), settings.to_dict() if settings else {})


def create(folder: Path, settings: Settings | None = None) -> Path:
    """Makes ``folder`` a session and returns it; raises InvalidRequest where it is one already, or holds other things.

    Only the folder itself is made, and the folder of all sessions: a mistyped path should not grow a tree.
    """
    check_new(folder)
    try:
        write_whole(folder / SESSION_FILE, text_of(settings).encode("utf-8"))
    except InvalidRequest:
        raise InvalidRequest(f"{folder} is a session already.", "Open it, or choose another name.") from None
    return folder


def check_new(folder: Path) -> None:
    """Raises InvalidRequest for a folder that cannot become a session: a session's files belong among no others."""
    check_name(folder.name)
    if not folder.parent.is_dir() and folder.parent != sessions_folder():
        raise InvalidRequest(f"There is no folder {folder.parent}.", "Make it first, or choose another one.")
    try:
        found = sorted(set(os.listdir(folder)) - _OF_THE_SYSTEM) if folder.exists() else []
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise InvalidRequest(f"{folder} cannot be looked into ({reason}).", "Choose another folder.") from None
    if SESSION_FILE in found:
        return
    if REVISIONS in found:
        hint = f"Copy the newest file of {folder / REVISIONS} to {folder / SESSION_FILE}, and it goes on."
        raise InvalidRequest(f"{folder} is a session whose {SESSION_FILE} is gone.", hint)
    if found:
        raise InvalidRequest(
            f"{folder} is no session, and it is not empty: {shown(found[0])} is in it.",
            f"Name a folder that is not there yet, such as {folder / 'my-jam'}.",
        )


def _recipe() -> str:
    lines = [
        "[recipe]",
        "# In texts, {warm|cold} is a choice that is made anew for every batch.",
        'caption = ""',
        'lyrics = ""',
        "",
        *(_line(FIELDS[name], value) for name, value in _RECIPE.items()),
        "# Every other published parameter may stand here too.",
    ]
    return "\n".join(lines) + "\n\n" + _GRID


def _section(name: str, table: type[Table]) -> str:
    lines = [f"[{name}]", *(_line(field, _example(field)) for field in table.fields().values())]
    return "\n".join(lines) + "\n"


def _example(field: Field) -> object:
    """The default, or where that is nothing, something that could stand there."""
    if field.default is not None:
        return field.default
    return field.choices[0] if field.choices else _EXAMPLES[field.name]


_EXAMPLES: Mapping[str, object] = MappingProxyType(
    {
        "takes": 50,
        "minutes": 480.0,
        "until_score": 0.9,
        "keep": 10,
        "quota_gb": 20.0,
        "models": "~/models",
        "dit": "acestep-v15-turbo",
        "lm": "acestep-5Hz-lm-1.7B",
        "lm_draft": "acestep-5Hz-lm-0.6B",
        "threads": 8,
        "offload": True,
        "offload_dit": True,
        "guidance_passes": 2,
    }
    | dict.fromkeys(ScoreSettings.fields(), 0.25)
)


def _line(field: Field, value: object) -> str:
    setting = f"#{field.name} = {written(value)}"
    return f"{setting:<{_WIDTH}}  # {field.help.rstrip('.')}{_range(field)}"


def _range(field: Field) -> str:
    if field.low is not None and field.high is not None:
        return f" ({plain(field.low)} to {plain(field.high)})"
    return f" ({', '.join(field.choices)})" if 0 < len(field.choices) <= 3 else ""
