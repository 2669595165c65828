"""The comment structure that FLAC, Vorbis and Opus share (xiph.org, "Ogg Vorbis I format: comment field")."""

from __future__ import annotations

import io
from collections.abc import Mapping

from engine.tags.binary import read_exactly
from engine.tags.names import OWN

_FIELDS = {
    "title": "TITLE",
    "artist": "ARTIST",
    "comment": "COMMENT",
    "lyrics": "LYRICS",
    "bpm": "BPM",
    "key": "INITIALKEY",
    "date": "DATE",
    "software": "ENCODER",
    **{name: name for name in OWN},
}
_NAMES = {field: name for name, field in _FIELDS.items()}


def encode(tags: Mapping[str, str], vendor: bytes) -> bytes:
    """Tags as a comment structure, without the framing that a container puts around it."""
    entries = [f"{_FIELDS[name]}={text}".encode("utf-8", "replace") for name, text in tags.items()]
    return _sized(vendor) + _number(len(entries)) + b"".join(map(_sized, entries))


def decode(data: bytes) -> tuple[dict[str, str], bytes]:
    """The known tags of a comment structure, the first of each name, and the vendor. Raises Damaged."""
    stream = io.BytesIO(data)
    vendor = _read_sized(stream)
    tags: dict[str, str] = {}
    for _ in range(_read_number(stream)):
        field, equals, text = _read_sized(stream).decode("utf-8", "replace").partition("=")
        name = _NAMES.get(field.upper())
        if name and equals:
            tags.setdefault(name, text)
    return tags, vendor


def _sized(content: bytes) -> bytes:
    return _number(len(content)) + content


def _number(value: int) -> bytes:
    return value.to_bytes(4, "little")


def _read_sized(stream: io.BytesIO) -> bytes:
    return read_exactly(stream, _read_number(stream))


def _read_number(stream: io.BytesIO) -> int:
    return int.from_bytes(read_exactly(stream, 4), "little")
