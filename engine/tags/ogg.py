"""Ogg with Vorbis or Opus: tags are the second packet of the stream, and every page carries its number and a checksum.

Sources: RFC 3533 (pages), RFC 7845 section 5.2 (Opus), "Vorbis I specification" section 4.2 (Vorbis).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO

from engine.tags import vorbis_comment
from engine.tags.binary import Damaged, read_exactly

_CAPTURE = b"OggS"
_CONTINUED = 0x01
_NO_PACKET_ENDS = b"\xff" * 8  # the "granule position" of a page on which no packet ends
_NOTHING_PLAYED = bytes(8)
_LARGEST_LACING = 255
_LACINGS_PER_PAGE = 255
_HEADER_BYTES = 27
_CRC_AT = 22

# Ogg's checksum is zlib's with the bits of each byte the other way round.
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class _Codec:
    """How one codec begins: ``opening`` of its first packet, and what stands around its comment packet."""

    opening: bytes
    before: bytes
    after: bytes
    packets: int  # header packets after the first; the comment is the first of these


_CODECS = (
    _Codec(b"\x01vorbis", before=b"\x03vorbis", after=b"\x01", packets=2),
    _Codec(b"OpusHead", before=b"OpusTags", after=b"", packets=1),
)


@dataclass(frozen=True)
class _Page:
    """One page: ``lacing`` are the lengths of the segments of ``body``; a packet ends with the first below 255."""

    flags: int
    granule: bytes
    serial: bytes
    number: int
    lacing: bytes
    body: bytes

    def to_bytes(self) -> bytes:
        """The page as it is stored, with its checksum."""
        number = (self.number % 2**32).to_bytes(4, "little")
        start = _CAPTURE + bytes([0, self.flags]) + self.granule + self.serial + number
        page = start + bytes(4) + bytes([len(self.lacing)]) + self.lacing + self.body
        return page[:_CRC_AT] + _checksum(page) + page[_CRC_AT + 4 :]


def read(file: BinaryIO) -> dict[str, str]:
    """The tags of the Ogg file that ``file`` is at the start of. Raises Damaged."""
    codec, _ = _read_start(file)
    packets, _ = _read_headers(file, codec)
    return _decode(codec, packets[0])[0]


def copy(source: BinaryIO, target: BinaryIO, tags: Mapping[str, str]) -> None:
    """Copies an Ogg file with ``tags`` in place of those of its first stream. Raises Damaged."""
    codec, first = _read_start(source)
    packets, last_number = _read_headers(source, codec)
    vendor = _decode(codec, packets[0])[1]
    comment = codec.before + vorbis_comment.encode(tags, vendor) + codec.after
    pages = _paginate([comment, *packets[1:]], first.serial, first.number + 1)
    target.write(first.to_bytes())
    for rewritten in pages:
        target.write(rewritten.to_bytes())
    shift = pages[-1].number - last_number
    while (page := _read_page(source)) is not None:
        same_stream = page.serial == first.serial
        target.write(replace(page, number=page.number + shift if same_stream else page.number).to_bytes())


def _read_start(file: BinaryIO) -> tuple[_Codec, _Page]:
    """The codec of the stream, and its first page, which holds one packet and nothing else."""
    first = _read_page(file)
    for codec in _CODECS:
        if first is not None and first.body.startswith(codec.opening):
            return codec, first
    raise Damaged("it is neither Vorbis nor Opus")


def _read_headers(file: BinaryIO, codec: _Codec) -> tuple[list[bytes], int]:
    """The header packets after the first, and the number of the last page they are on; audio starts on a new page."""
    packets: list[bytes] = []
    unfinished: list[bytes] = []
    number = 0
    while len(packets) < codec.packets:
        page = _read_page(file)
        if page is None:
            raise Damaged("it breaks off")
        number, position = page.number, 0
        for length in page.lacing:
            unfinished.append(page.body[position : position + length])
            position += length
            if length < _LARGEST_LACING:
                packets.append(b"".join(unfinished))
                unfinished = []
    if unfinished or len(packets) > codec.packets:
        raise Damaged("its headers run into the audio")
    return packets, number


def _decode(codec: _Codec, packet: bytes) -> tuple[dict[str, str], bytes]:
    if not packet.startswith(codec.before):
        raise Damaged("its comment header is missing")
    return vorbis_comment.decode(packet[len(codec.before) :])


def _paginate(packets: list[bytes], serial: bytes, number: int) -> list[_Page]:
    """Header packets as pages that are numbered from ``number``."""
    body = b"".join(packets)
    lacing = b"".join(
        bytes([_LARGEST_LACING]) * (len(packet) // _LARGEST_LACING) + bytes([len(packet) % _LARGEST_LACING])
        for packet in packets
    )
    pages: list[_Page] = []
    position = 0
    for first in range(0, len(lacing), _LACINGS_PER_PAGE):
        segments = lacing[first : first + _LACINGS_PER_PAGE]
        flags = _CONTINUED if first and lacing[first - 1] == _LARGEST_LACING else 0
        granule = _NOTHING_PLAYED if min(segments) < _LARGEST_LACING else _NO_PACKET_ENDS
        content = body[position : position + sum(segments)]
        pages.append(_Page(flags, granule, serial, number + len(pages), segments, content))
        position += len(content)
    return pages


def _read_page(file: BinaryIO) -> _Page | None:
    """The next page; None at the end of the file."""
    header = file.read(_HEADER_BYTES)
    if not header:
        return None
    if len(header) < _HEADER_BYTES or not header.startswith(_CAPTURE):
        raise Damaged("an Ogg page is missing where one should be")
    lacing = read_exactly(file, header[26])
    body = read_exactly(file, sum(lacing))
    return _Page(header[5], header[6:14], header[14:18], int.from_bytes(header[18:22], "little"), lacing, body)


def _checksum(page: bytes) -> bytes:
    """The CRC of a page whose checksum field is zero: polynomial 0x04C11DB7, nothing inverted, highest bit first."""
    nothing_inverted = 0xFFFFFFFF
    mirrored = zlib.crc32(page.translate(_MIRRORED), nothing_inverted) ^ nothing_inverted
    return mirrored.to_bytes(4, "big").translate(_MIRRORED)
