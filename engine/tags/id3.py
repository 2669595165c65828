"""ID3v2: the tag in front of an MP3 file, also found in a chunk of WAV files (id3.org, "ID3 tag version 2.4.0").

Version 2.4 is written, in UTF-8 and without unsynchronisation, which UTF-8 never needs; 2.3 and 2.4 are read.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from engine.tags.binary import Damaged, read_exactly
from engine.tags.names import OWN

_FRAMES = {
    "title": "TIT2",
    "artist": "TPE1",
    "comment": "COMM",
    "lyrics": "USLT",
    "bpm": "TBPM",
    "key": "TKEY",
    "date": "TDRC",
    "software": "TSSE",
}
"""Our own names are in TXXX frames, which begin with a name."""

_NAMES = {frame: name for name, frame in _FRAMES.items()} | {"TYER": "date"}  # TYER: the year, in version 2.3
_WITH_LANGUAGE = ("COMM", "USLT")
_UNKNOWN_LANGUAGE = b"XXX"

_ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")
_UTF8 = b"\x03"

_HEADER_BYTES = 10
_LARGEST_TAG = 2**28 - 1
_TAG_UNSYNCHRONISED, _TAG_EXTENDED, _TAG_FOOTER = 0x80, 0x40, 0x10


@dataclass(frozen=True)
class _FrameFlags:
    """Bits of the second flag byte of a frame, which moved between the versions."""

    unreadable: int  # compressed or encrypted
    unsynchronised: int
    grouped: int
    has_length: int


_FRAME_FLAGS = {3: _FrameFlags(0xC0, 0, 0x20, 0), 4: _FrameFlags(0x0C, 0x02, 0x40, 0x01)}


def read(file: BinaryIO) -> dict[str, str]:
    """The tags in front of the MP3 file that ``file`` is at the start of; none if there is no tag. Raises Damaged."""
    tag = _read_tag(file)
    tags: dict[str, str] = {}
    for frame, payload in _frames(tag):
        name, text = _own(payload) if frame == "TXXX" else (_NAMES.get(frame), _text(frame, payload))
        if name and text is not None:
            tags.setdefault(name, _key_in_words(text) if name == "key" else text)
    return tags


def copy(source: BinaryIO, target: BinaryIO, tags: Mapping[str, str]) -> None:
    """Copies an MP3 file with ``tags`` in place of the tag in front of it. Raises Damaged."""
    _read_tag(source)
    target.write(encode(tags))
    shutil.copyfileobj(source, target)


def encode(tags: Mapping[str, str]) -> bytes:
    """A whole ID3v2.4 tag, header included; nothing at all for no tags. Raises Damaged for far too much."""
    frames = b"".join(_encode_frame(name, text) for name, text in tags.items())
    if len(frames) > _LARGEST_TAG:
        raise Damaged("the tags are larger than the 256 MB that ID3 allows")
    return b"ID3\x04\x00\x00" + _syncsafe(len(frames)) + frames if frames else b""


def _encode_frame(name: str, text: str) -> bytes:
    before, frame = b"", _FRAMES.get(name, "TXXX")
    if frame == "TXXX":
        before = name.encode("ascii") + b"\0"
    elif frame in _WITH_LANGUAGE:
        before = _UNKNOWN_LANGUAGE + b"\0"
    elif frame == "TKEY":
        text = _key_in_short(text)
    payload = _UTF8 + before + text.encode("utf-8", "replace")
    return frame.encode("ascii") + _syncsafe(len(payload)) + b"\0\0" + payload


def _text(frame: str, payload: bytes) -> str | None:
    """The text of a frame; None for descriptions that are not ours and for encodings that do not exist."""
    parts = _parts(payload, len(_UNKNOWN_LANGUAGE) if frame in _WITH_LANGUAGE else 0)
    if frame in _WITH_LANGUAGE:
        return parts[1] if len(parts) > 1 and not parts[0] else None
    return parts[0] if parts else None


def _own(payload: bytes) -> tuple[str, str | None]:
    """Name and text of a TXXX frame; no text for a name that is not one of ours."""
    name, *texts = _parts(payload, 0) or [""]
    return name, texts[0] if texts and name in OWN else None


def _parts(payload: bytes, skip: int) -> list[str]:
    """The texts of a frame, ``skip`` bytes left out before them; none in an encoding that does not exist."""
    if not payload or payload[0] >= len(_ENCODINGS):
        return []
    content = payload[1 + skip :].decode(_ENCODINGS[payload[0]], "replace")
    return [part.removeprefix("\ufeff") for part in content.split("\0")]


def _read_tag(file: BinaryIO) -> bytes:
    """The whole tag, header included, or nothing; ``file`` is behind it afterwards."""
    start = file.tell()
    header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or not header.startswith(b"ID3"):
        file.seek(start)
        return b""
    body = read_exactly(file, _from_syncsafe(header[6:]))
    if header[5] & _TAG_FOOTER and header[3] == 4:
        read_exactly(file, _HEADER_BYTES)
    return header + body


def _frames(tag: bytes) -> Iterator[tuple[str, bytes]]:
    """The frames of a whole tag as (identifier, payload) with every unsynchronisation undone. Raises Damaged."""
    if not tag or tag[3] not in _FRAME_FLAGS:
        return
    version, flags, body = tag[3], tag[5], tag[_HEADER_BYTES:]
    if flags & _TAG_UNSYNCHRONISED and version == 3:
        body = _synchronised(body)
    stream = io.BytesIO(body)
    if flags & _TAG_EXTENDED:
        size = _size(read_exactly(stream, 4), version)
        read_exactly(stream, max(0, size - 4) if version == 4 else size)  # only 2.4 counts the size itself
    while len(header := stream.read(_HEADER_BYTES)) == _HEADER_BYTES and header[0]:
        payload = read_exactly(stream, _size(header[4:8], version))
        frame = header[:4].decode("latin-1")
        plain = _plain(payload, header[9], _FRAME_FLAGS[version])
        if plain is not None:
            yield frame, plain


def _plain(payload: bytes, flags: int, meaning: _FrameFlags) -> bytes | None:
    """A frame's payload without what its flags put around it; None if it is compressed or encrypted."""
    if flags & meaning.unreadable:
        return None
    if flags & meaning.grouped:
        payload = payload[1:]
    if flags & meaning.has_length:
        payload = payload[4:]
    return _synchronised(payload) if flags & meaning.unsynchronised else payload


def _synchronised(data: bytes) -> bytes:
    return data.replace(b"\xff\x00", b"\xff")


def _syncsafe(value: int) -> bytes:
    """28 bits as four bytes of seven, so that a size never looks like the start of an MP3 frame."""
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))


def _from_syncsafe(data: bytes) -> int:
    return sum((byte & 0x7F) << shift for byte, shift in zip(data, (21, 14, 7, 0), strict=True))


def _size(data: bytes, version: int) -> int:
    return _from_syncsafe(data) if version == 4 else int.from_bytes(data, "big")


def _key_in_short(key: str) -> str:
    """The key "F# minor" as "F#m": the frame has room for three characters. Other texts are stored as they are."""
    match = re.fullmatch(r"([A-G])([#b♯♭]?) (major|minor)", key)
    if match is None:
        return key
    note, accidental, mode = match.groups()
    return note + accidental.replace("♯", "#").replace("♭", "b") + ("m" if mode == "minor" else "")


def _key_in_words(key: str) -> str:
    """The reverse of ``_key_in_short``."""
    match = re.fullmatch(r"([A-G][#b]?)(m?)", key)
    return f"{match[1]} {'minor' if match[2] else 'major'}" if match else key
