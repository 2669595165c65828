"""Takes as files for other programs: what is written, and where. The audio itself ``engine.exporting`` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import EngineError, InvalidRequest
from engine.file_names import SUFFIXES
from sessions.export_names import TEMPLATE, file_name, tags
from sessions.lyric_times import lrc, timed_lines, vtt
from sessions.recipe_text import recipe_text
from sessions.take import WHOLE
from sessions.whole_files import write_whole

FOLDER = "exports"
"""Where in a session they go that nobody names a folder for."""

LOWEST, HIGHEST = -60.0, -5.0
"""LUFS that can be wished for."""


class Exists(InvalidRequest):
    """A file that is there already, and is not to be replaced."""


@dataclass(frozen=True)
class Wish:
    """How takes are written."""

    format: str = "flac"
    loudness: float | None = None
    """LUFS; None leaves the samples as they are."""

    name: str = TEMPLATE
    lyrics: bool = False
    """Whether lyrics with their times are written too, where a take has any."""

    overwrite: bool = False


@dataclass(frozen=True)
class Planned:
    """The files of one take."""

    take: Mapping[str, Any]
    source: Path
    audio: Path
    recipe: Path
    beside: Mapping[Path, str]
    """The files beside the audio, with their content: the recipe, and lyrics with their times."""

    @property
    def lyrics(self) -> list[Path]:
        """The files of the lyrics."""
        return [path for path in self.beside if path != self.recipe]

    def question(self, wish: Wish) -> dict[str, Any]:
        """What ``engine.exporting`` is asked."""
        return {
            "source": str(self.source),
            "target": str(self.audio),
            "format": wish.format,
            "loudness": wish.loudness,
            "tags": tags(self.take),
            "overwrite": wish.overwrite,
        }

    def in_the_way(self) -> list[Path]:
        """Files that are there already, and are not just what would be written."""
        return [path for path in (self.audio, *self.beside) if path.exists() and not self._is_so(path)]

    def write_beside(self, wish: Wish) -> None:
        """Writes all but the audio. Raises as ``write_whole`` does."""
        for path, text in self.beside.items():
            if not self._is_so(path):
                write_whole(path, text.encode(), overwrite=wish.overwrite)

    def _is_so(self, path: Path) -> bool:
        try:
            return path in self.beside and path.read_bytes() == self.beside[path].encode()
        except OSError:
            return False


def plan(session: Path, takes: Sequence[Mapping[str, Any]], folder: Path, wish: Wish) -> list[Planned]:
    """What is written for ``takes`` of a session. Raises where one of the files cannot be: nothing is written then."""
    planned = [_planned(session, take, folder, wish) for take in takes]
    seen: dict[Path, int] = {}
    for each in planned:
        number = each.take["number"]
        if each.take.get("stored", WHOLE) != WHOLE or not each.source.is_file():
            raise EngineError(f"Take {number} has no audio.", "Finishing it makes it again, if its latents are kept.")
        if each.audio in seen:
            hint = "Let --name hold {number}."
            raise InvalidRequest(f"Takes {seen[each.audio]} and {number} would have the same name.", hint, field="name")
        seen[each.audio] = number
        if not wish.overwrite and (there := each.in_the_way()):
            raise Exists(f"{there[0]} is there already.", "--overwrite replaces it.", field="overwrite")
    return planned


def _planned(session: Path, take: Mapping[str, Any], folder: Path, wish: Wish) -> Planned:
    stem = folder / file_name(wish.name, take, session.name)
    lines = timed_lines(take) if wish.lyrics else []
    texts = {".toml": recipe_text(take["request"])}
    if lines:
        texts |= {".lrc": lrc(lines, take["name"]), ".vtt": vtt(lines)}
    beside = {stem.with_name(stem.name + suffix): text for suffix, text in texts.items()}
    audio = stem.with_name(stem.name + SUFFIXES[wish.format])
    return Planned(take, session / take["files"].get("audio", ""), audio, next(iter(beside)), beside)
