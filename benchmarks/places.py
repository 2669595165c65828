"""A session with takes in folders of its own, its real studio, and the real terminal on it. Nothing of a person's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from benchmarks.ptys import Pty
from benchmarks.store import fill
from sessions.new_session import create
from sessions.settings import Settings
from sessions.store import Store

ROOT = Path(__file__).resolve().parent.parent
NAME = "neon-drive"
FRAME_ENDS = b"\x1b[?2026l"
DRAWN = b" takes "
"""The heading of the list: once it is there the desk is laid out and drawn."""


class Place:
    """A folder with one session of ``takes`` takes, for ``with``; its studio is ended at the end."""

    def __init__(self, folder: Path, takes: int = 0, *, settings: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.session = folder / "data" / "sessions" / NAME
        self.session.parent.mkdir(parents=True, exist_ok=True)
        create(self.session, Settings.from_dict(settings or {"recipe": {"caption": "slow synthwave"}}))
        if takes:
            fill(self.session, takes)
            Store.open(self.session).close()  # the index of many takes takes longer than a studio may take to answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.acetui("studio", NAME, "--stop")

    @property
    def surroundings(self) -> dict[str, str]:
        """The environment of everything here. Bytecode is kept, as for whoever starts a program a second time."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ACETUI", "TEXTUAL"))}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        return {
            **{name: value for name, value in kept.items() if name not in ("NO_COLOR", "TMUX", "STY")},
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
            "PYTHONPYCACHEPREFIX": str(self.folder / "bytecode"),
            "ACETUI_DATA": str(self.folder / "data"),
            "ACETUI_STATE": str(self.folder / "state"),
            "ACETUI_CONFIG": str(self.folder / "config"),
            "LC_ALL": "C.UTF-8",
        }

    def acetui(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command line here."""
        command = [sys.executable, "-m", "acetui", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self.surroundings, capture_output=True, text=True, timeout=600, check=False
        )

    def status(self) -> dict[str, Any]:
        """What the studio says of itself; empty where none runs."""
        said = self.acetui("studio", NAME, "--status", "--json").stdout
        return dict(json.loads(said).get("session") or {}) if said else {}

    def terminal(self, *options: str, columns: int = 80, rows: int = 24, python: tuple[str, ...] = ()) -> Pty:
        """The terminal on the session, just started."""
        command = [sys.executable, *python, "-m", "acetui", NAME, *options]
        return Pty(command, columns=columns, rows=rows, environment=self.surroundings)

    def attached(self, columns: int = 80, rows: int = 24) -> Pty:
        """The terminal once it has drawn all that there is to draw."""
        terminal = self.terminal(columns=columns, rows=rows)
        terminal.until_written(DRAWN)
        terminal.until(lambda: "connecting" not in terminal.screen().lines[0] and bool(terminal.screen().lines[0]))
        terminal.until_quiet(1.0)
        return terminal


def drawn(terminal: Pty, mark: bytes) -> float:
    """Seconds from the start of a program to the end of its first frame that has ``mark``."""

    def seen() -> bool:
        written = terminal.written
        return mark in written and FRAME_ENDS in written[written.index(mark) :]

    terminal.until(seen)
    return terminal.pieces[-1][0] - terminal.began
