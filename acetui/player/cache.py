"""Audio that was fetched from a studio, kept in the user's cache folder until others need the room."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

MOST_BYTES = 2 << 30
"""Room for some hundred takes."""


def cache_folder(env: Mapping[str, str] | None = None) -> Path:
    """The user's folder for what can be fetched again: ``ACETUI_CACHE``, else the platform's place."""
    env = os.environ if env is None else env
    if env.get("ACETUI_CACHE"):
        return Path(env["ACETUI_CACHE"]).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "acetui"
    return Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser() / "acetui"


class Cache:
    """Files by the take and the state of its audio."""

    def __init__(self, folder: Path | None = None, most_bytes: int = MOST_BYTES) -> None:
        self.folder = folder or cache_folder() / "listen"
        self.most_bytes = most_bytes

    def place(self, key: str, tag: str, suffix: str) -> Path:
        """Where the audio of a take in this state belongs; its folder is there, and the user's alone."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = "-".join("".join(sign for sign in text if sign.isalnum() or sign == "-") for text in (key, tag))
        path = self.folder / f"{name}{suffix if suffix.isascii() and '/' not in suffix else ''}"
        with contextlib.suppress(OSError):
            os.utime(path)
        return path

    def trim(self, needed: Collection[Path] = ()) -> None:
        """Lets the oldest go where there is more than there is room for; what is ``needed`` stays."""
        with contextlib.suppress(OSError):
            found = [(file, file.stat()) for file in self.folder.iterdir() if file.is_file()]
            left = sum(about.st_size for _, about in found)
            for file, about in sorted(found, key=lambda each: each[1].st_mtime):
                if left <= self.most_bytes:
                    return
                if file not in needed and file.with_suffix("") not in needed and file.suffix != ".parts":
                    file.unlink(missing_ok=True)
                    file.with_name(file.name + ".parts").unlink(missing_ok=True)
                    left -= about.st_size
