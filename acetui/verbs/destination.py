"""Where the files of a render go: what ``-o`` means, decided before anything is rendered."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from engine import InvalidRequest
from engine.file_names import SEED, SUFFIXES, check_output, slug
from engine.protocol import Output

_FORMAT_OF = {suffix: name for name, suffix in reversed(SUFFIXES.items())}  # so ".wav" is the first of its kinds


def destination(
    target: str | None,
    format: str | None,
    caption: str,
    seeds: Sequence[int],
    *,
    mark: str = "",
    fallback_format: str = "flac",
    overwrite: bool = False,
    keep_latents: bool = False,
) -> Output:
    """The output of a render, sure to be writable as far as one can tell beforehand; raises InvalidRequest if not.

    ``target`` is a file with a known suffix, or a folder that exists or ends with a slash; None is this folder.
    ``mark`` is put behind each name, to tell it from the same seed of another render.
    """
    if target is None:
        folder, stem = Path(), f"{slug(caption)}-{SEED}"
    elif target.endswith(os.sep) or Path(target).is_dir():
        folder, stem = _made(Path(target)), f"{SEED}-{slug(caption)}"
    else:
        format = _format_of(Path(target), format)
        folder, stem = Path(target).parent, Path(target).stem
        if len(seeds) > 1 and SEED not in stem:
            stem = f"{stem}-{SEED}"
    output = Output(str(folder), stem + mark, format or fallback_format, overwrite, keep_latents)
    check_output(output, seeds)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidRequest(f"The folder '{folder}' is not yours to write to.", "Choose another one with -o.")
    return output


def _made(folder: Path) -> Path:
    """The folder, made if only it itself is missing: a mistyped path should not grow a tree."""
    try:
        folder.mkdir(exist_ok=True)
    except FileNotFoundError:
        raise InvalidRequest(f"There is no folder '{folder.parent}'.", "Make it first, or choose another.") from None
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise InvalidRequest(f"The folder '{folder}' cannot be made: {reason}.", "Choose another one.") from None
    return folder


def _format_of(file: Path, format: str | None) -> str:
    """The format that the suffix of ``file`` stands for; ``format`` may say more, but nothing else."""
    suffix = file.suffix.lower()
    if suffix not in _FORMAT_OF:
        hint = f"Let it end in one of {', '.join(sorted(_FORMAT_OF))}, or in a slash if it is a folder."
        raise InvalidRequest(f"The name '{file.name}' does not say which kind of audio file is meant.", hint)
    if format and SUFFIXES[format] != SUFFIXES[_FORMAT_OF[suffix]]:
        raise InvalidRequest(f"'{file.name}' is not a name for {format}.", f"Let it end in {SUFFIXES[format]}.")
    return format or _FORMAT_OF[suffix]
