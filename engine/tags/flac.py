"""FLAC: tags are one metadata block among others before the first frame (RFC 9639, section 8)."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import BinaryIO

from engine.tags import vorbis_comment
from engine.tags.binary import Damaged, read_exactly

_MARKER = b"fLaC"
_STREAMINFO, _PADDING, _COMMENT = 0, 1, 4
_LAST = 0x80
_STREAMINFO_BYTES = 34
_LARGEST_BLOCK = 2**24 - 1
_PADDING_BYTES = 1024  # lets other programs change a title without rewriting the file

Block = tuple[int, bytes]


def read(file: BinaryIO) -> dict[str, str]:
    """The tags of the FLAC file that ``file`` is at the start of. Raises Damaged."""
    for kind, content in _read_blocks(file):
        if kind == _COMMENT:
            return vorbis_comment.decode(content)[0]
    return {}


def duration(file: BinaryIO) -> float | None:
    """Seconds of the FLAC file that ``file`` is at the start of; None where it does not state them. Raises Damaged."""
    content = _read_blocks(file)[0][1]
    if len(content) < _STREAMINFO_BYTES:
        raise Damaged("its FLAC stream information breaks off")
    # From bit 80 on: 20 bits of sample rate, 3 of channels, 5 of sample size, 36 of the number of samples.
    numbers = int.from_bytes(content[10:18], "big")
    rate, samples = numbers >> 44, numbers & (2**36 - 1)
    return samples / rate if rate and samples else None


def copy(source: BinaryIO, target: BinaryIO, tags: Mapping[str, str]) -> None:
    """Copies a FLAC file with ``tags`` in place of its own; pictures and seek tables stay. Raises Damaged."""
    blocks = _read_blocks(source)
    vendor = next((vorbis_comment.decode(content)[1] for kind, content in blocks if kind == _COMMENT), b"acetui")
    kept = [block for block in blocks if block[0] not in (_COMMENT, _PADDING)]
    comment = (_COMMENT, vorbis_comment.encode(tags, vendor))
    target.write(_MARKER)
    # The stream information has to be the first block and is; the comment follows it.
    _write_blocks(target, [*kept[:1], comment, *kept[1:], (_PADDING, bytes(_PADDING_BYTES))])
    shutil.copyfileobj(source, target)


def _read_blocks(file: BinaryIO) -> list[Block]:
    """All metadata blocks as (kind, content); ``file`` is at the first audio frame afterwards."""
    if read_exactly(file, len(_MARKER)) != _MARKER:
        raise Damaged("it is not FLAC")
    blocks: list[Block] = []
    last = False
    while not last:
        header = read_exactly(file, 4)
        last = bool(header[0] & _LAST)
        blocks.append((header[0] & ~_LAST, read_exactly(file, int.from_bytes(header[1:], "big"))))
    if blocks[0][0] != _STREAMINFO:
        raise Damaged("its FLAC stream information is missing")
    return blocks


def _write_blocks(file: BinaryIO, blocks: list[Block]) -> None:
    for index, (kind, content) in enumerate(blocks):
        if len(content) > _LARGEST_BLOCK:
            raise Damaged("the tags are larger than the 16 MB that FLAC allows")
        flag = _LAST if index == len(blocks) - 1 else 0
        file.write(bytes([kind | flag]) + len(content).to_bytes(3, "big") + content)
