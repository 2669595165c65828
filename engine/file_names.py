"""What takes and their files are called. No torch and no audio library: the command line plans names with it too."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.errors import InvalidRequest
from engine.protocol import Output
from engine.tags import NAMES as TAG_NAMES

SEED = "{seed}"
"""Stands in a stem for the seed of the take."""

INDEX = "{index}"
"""Stands in a stem for the position of the take in its batch, from 0."""

LATENTS_SUFFIX = ".safetensors"

GAIN = "gain"
"""In the metadata of a file of latents: what decoded ones are multiplied by to be as loud as the take."""

SAMPLES = "samples"
"""In the same place: how many samples the take has, which may end within the last frame."""

SUFFIXES = {
    "flac": ".flac",
    "wav": ".wav",
    "wav16": ".wav",
    "wav24": ".wav",
    "wav32": ".wav",
    "mp3": ".mp3",
    "opus": ".opus",
    "ogg": ".ogg",
}
"""The file suffix of every audio format; ``engine.encoding`` knows how they are written, and a test that both agree."""

_LONGEST_NAME = 40


def take_name(caption: str) -> str:
    """A short name for people from the first thought of a caption: "Neon drive, female vocal" is "neon drive"."""
    first = re.split(r"[,.;:!?\n(\[]", caption.strip(), maxsplit=1)[0]
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", first).lower())
    name = ""
    for word in words:
        if name and len(name) + 1 + len(word) > _LONGEST_NAME:
            break
        name = f"{name} {word}".strip()[:_LONGEST_NAME]
    return name or "take"


def slug(caption: str) -> str:
    """The name of a take as part of a file name: "neon-drive"."""
    return take_name(caption).replace(" ", "-")


def audio_path(output: Output, seed: int, index: int = 0) -> Path:
    """Where the audio of the take with ``seed`` goes, the one at ``index`` in its batch."""
    return _path(output, seed, index, SUFFIXES[output.format])


def latents_path(output: Output, seed: int, index: int = 0) -> Path:
    """Where the latents of the take with ``seed`` go, if they are kept."""
    return _path(output, seed, index, LATENTS_SUFFIX)


def paths_of(output: Output, seed: int, index: int = 0) -> list[Path]:
    """Every file that the take with ``seed`` will have."""
    latents = [latents_path(output, seed, index)] if output.keep_latents else []
    return [audio_path(output, seed, index), *latents]


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A JSON value with other names in place of the texts that ``names`` has."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, dict):
        return {key: renamed(entry, names) for key, entry in value.items()}
    return [renamed(entry, names) for entry in value] if isinstance(value, list) else value


def check_output(output: Output, seeds: Sequence[int]) -> None:
    """Refuses, before anything is rendered, an output that could not be written as asked. Raises InvalidRequest."""
    if output.format not in SUFFIXES:
        raise InvalidRequest(f"'{output.format}' is not an audio format.", f"Choose one of {', '.join(SUFFIXES)}.")
    if not Path(output.folder).is_dir():
        raise InvalidRequest(f"There is no folder '{output.folder}'.", "Make it first, or choose another one.")
    if not output.stem or Path(output.stem).name != output.stem:
        raise InvalidRequest(f"'{output.stem}' is not the name of a file.", "Leave folders out of it.")
    targets = [path for index, seed in enumerate(seeds) for path in paths_of(output, seed, index)]
    if len(set(targets)) < len(targets):
        raise InvalidRequest(f"Two takes would both be {targets[0].name}.", "Give every take a seed of its own.")
    if unknown := sorted(output.tags.keys() - set(TAG_NAMES)):
        raise InvalidRequest(f"Audio files have no tag '{unknown[0]}'.", f"Choose from {', '.join(TAG_NAMES)}.")
    for path in targets:
        if _is_there(path) and not output.overwrite:
            raise InvalidRequest(
                f"{path} exists already.", "Choose another name, or have it overwritten (--overwrite)."
            )


def _is_there(path: Path) -> bool:
    """Whether the name is taken, by a broken link too; InvalidRequest for a name that no file can have."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as cause:
        reason = getattr(cause, "strerror", None) or "no file can be called so"
        raise InvalidRequest(f"'{path.name[:60]}...' is not the name of a file: {reason}.", "Choose another.") from None
    return True


def _path(output: Output, seed: int, index: int, suffix: str) -> Path:
    stem = output.stem.replace(SEED, str(seed)).replace(INDEX, str(index))
    # Not with_suffix: a stem may have dots of its own, as in "v1.2".
    return Path(output.folder) / (stem + suffix)
