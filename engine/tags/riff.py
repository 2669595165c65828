"""WAV: an ``id3 `` chunk holds every tag, a ``LIST`` chunk of kind ``INFO`` the basic ones for simpler programs.

Source: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", chapter 2.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from engine.tags import id3
from engine.tags.binary import Damaged, read_exactly, skip

_INFO = {"title": b"INAM", "artist": b"IART", "comment": b"ICMT", "date": b"ICRD", "software": b"ISFT"}
_INFO_NAMES = {field: name for name, field in _INFO.items()}
_ID3_CHUNKS = (b"id3 ", b"ID3 ")
_HEADER_BYTES = 12
_LARGEST_FILE = 2**32 - 1
_PIECE_BYTES = 1 << 20


def read(file: BinaryIO) -> dict[str, str]:
    """The tags of the WAV file that ``file`` is at the start of; ID3 before INFO. Raises Damaged."""
    from_info: dict[str, str] = {}
    from_id3: dict[str, str] = {}
    for kind, size in _chunks(file):
        if kind in _ID3_CHUNKS:
            from_id3 |= id3.read(io.BytesIO(read_exactly(file, size)))
        elif kind == b"LIST":
            from_info |= _decode_info(read_exactly(file, size))
    return from_info | from_id3


def duration(file: BinaryIO) -> float | None:
    """Seconds of the WAV file that ``file`` is at the start of; None where it does not say. Raises Damaged."""
    bytes_a_second = 0
    for kind, size in _chunks(file):
        if kind == b"fmt ":
            bytes_a_second = int.from_bytes(read_exactly(file, min(size, 12))[8:], "little")
        elif kind == b"data":
            return size / bytes_a_second if bytes_a_second else None
    return None


def copy(source: BinaryIO, target: BinaryIO, tags: Mapping[str, str]) -> None:
    """Copies a WAV file with ``tags`` in chunks at its end, in place of its own. Raises Damaged."""
    target.write(b"RIFF\0\0\0\0WAVE")
    for kind, size in _chunks(source):
        start = source.tell()
        if kind in _ID3_CHUNKS or (kind == b"LIST" and source.read(4) == b"INFO"):
            continue
        source.seek(start - 8)
        _copy_bytes(source, target, 8 + size)
        target.write(bytes(size % 2))
    if tags:
        target.write(_chunk(b"LIST", _encode_info(tags)) + _chunk(b"id3 ", id3.encode(tags)))
    size = target.tell() - 8
    if size > _LARGEST_FILE:
        raise Damaged("it is larger than the 4 GB that WAV allows")
    target.seek(4)
    target.write(size.to_bytes(4, "little"))
    target.seek(0, os.SEEK_END)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Kind and size of every chunk, with ``file`` at its content; the caller may move it. Raises Damaged."""
    read_exactly(file, _HEADER_BYTES)
    while len(header := file.read(8)) == 8:
        size = int.from_bytes(header[4:], "little")
        start = file.tell()
        skip(file, size)
        file.seek(start)
        yield header[:4], size
        file.seek(start + size + size % 2)


def _chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk with the byte that keeps the next one at an even place."""
    return kind + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)


def _encode_info(tags: Mapping[str, str]) -> bytes:
    fields = [
        _chunk(field, tags[name].encode("utf-8", "replace") + b"\0") for name, field in _INFO.items() if name in tags
    ]
    return b"INFO" + b"".join(fields)


def _decode_info(content: bytes) -> dict[str, str]:
    """The known fields of a ``LIST`` chunk's content; none if it is not of kind ``INFO``. Raises Damaged."""
    stream = io.BytesIO(content)
    if stream.read(4) != b"INFO":
        return {}
    tags: dict[str, str] = {}
    while len(header := stream.read(8)) == 8:
        size = int.from_bytes(header[4:], "little")
        text = read_exactly(stream, size).partition(b"\0")[0].decode("utf-8", "replace")
        stream.read(size % 2)
        if header[:4] in _INFO_NAMES:
            tags.setdefault(_INFO_NAMES[header[:4]], text)
    return tags


def _copy_bytes(source: BinaryIO, target: BinaryIO, count: int) -> None:
    while count and (piece := source.read(min(count, _PIECE_BYTES))):
        target.write(piece)
        count -= len(piece)
