"""The header of a safetensors file, read without any library and checked against the file around it. No torch.

A file is eight bytes of little-endian header length, a JSON object, and the tensors' bytes. The object maps each name
to ``{"dtype", "shape", "data_offsets"}``; the offsets must cover the rest of the file without gaps.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import BadCheckpoint

BITS = {
    **dict.fromkeys(("F4",), 4),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}
"""Bits an element of each dtype that a header may name."""

WHOLE_FLOATS = frozenset({"F16", "BF16", "F32", "F64"})
"""The dtypes whose values are weights as they are; narrower floats need scales that the layout has no place for."""

AGAIN = "Download it again."
_LONGEST_HEADER = 100_000_000


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies: the file, its name there, its dtype as the header spells it (``BF16``), and its shape."""

    file: Path
    name: str
    dtype: str
    shape: tuple[int, ...]


def label(path: Path) -> str:
    """A file as messages name it: with the folder it lies in."""
    return f"{path.parent.name}/{path.name}"


def read_header(path: Path) -> dict[str, StoredTensor]:
    """The tensors of a file by their stored names; raises BadCheckpoint unless header and file agree."""
    text, data_size = _header_text(path)
    try:
        entries = json.loads(text, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        raise _unreadable(path) from None
    if not isinstance(entries, dict):
        raise _unreadable(path)
    entries.pop("__metadata__", None)
    spans = sorted((_span(path, name, entry), name) for name, entry in entries.items())
    _check_coverage(path, spans, data_size)
    return {name: StoredTensor(path, name, entry["dtype"], tuple(entry["shape"])) for name, entry in entries.items()}


def header_bytes(path: Path) -> bytes:
    """The length and the JSON of a file's header, exactly as stored; raises BadCheckpoint where there is none."""
    text, _ = _header_text(path)
    return len(text).to_bytes(8, "little") + text


def _header_text(path: Path) -> tuple[bytes, int]:
    """The header's JSON and how many bytes of tensors follow it."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or not 2 <= length <= min(size - 8, _LONGEST_HEADER):
                raise _unreadable(path)
            return file.read(length), size - 8 - length
    except OSError as cause:
        reason = cause.strerror or "it cannot be opened"
        raise BadCheckpoint(f"{label(path)} cannot be read: {reason}.", "Check the file and its permissions.") from None


def _unreadable(path: Path) -> BadCheckpoint:
    return BadCheckpoint(f"{label(path)} is not a whole safetensors file: its header cannot be read.", AGAIN)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name appears twice")
    return found


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _span(path: Path, name: str, entry: Any) -> tuple[int, int]:
    """Begin and end of a tensor's bytes, once its entry is complete and its size is the one its shape takes."""
    if isinstance(entry, dict) and entry.keys() == {"dtype", "shape", "data_offsets"}:
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        lists = isinstance(shape, list) and isinstance(offsets, list) and len(offsets) == 2
        if lists and all(map(_is_count, shape + offsets)) and isinstance(dtype, str) and dtype in BITS:
            begin, end = offsets
            if (end - begin) * 8 == math.prod(shape) * BITS[dtype]:
                return begin, end
    raise BadCheckpoint(
        f"{label(path)} is damaged: its header describes {_shown(name)} in a way that cannot be.", AGAIN
    )


def _check_coverage(path: Path, spans: list[tuple[tuple[int, int], str]], data_size: int) -> None:
    """Raises BadCheckpoint unless the tensors fill the file exactly."""
    reached = 0
    for (begin, end), name in spans:
        if begin != reached:
            raise BadCheckpoint(f"{label(path)} is damaged: {_shown(name)} does not begin where the last ends.", AGAIN)
        if end > data_size:
            missing = f"{_shown(name)} ends {end - data_size} bytes past its end"
            raise BadCheckpoint(f"{label(path)} is cut off: {missing}.", "Download it again, or resume the download.")
        reached = end
    if reached != data_size:
        raise BadCheckpoint(f"{label(path)} is damaged: {data_size - reached} bytes belong to no tensor.", AGAIN)


def _shown(name: str) -> str:
    """A name that came from a file, fit for one line of a terminal."""
    return re.sub(r"[^\x21-\x7e]", "?", name)[:120] or "a nameless tensor"
