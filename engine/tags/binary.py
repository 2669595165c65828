"""Reading binary files that may lie about their own sizes."""

from __future__ import annotations

import os
from typing import BinaryIO


class Damaged(Exception):
    """What is wrong with a file, as the end of a sentence."""


def remaining(file: BinaryIO) -> int:
    """How many bytes are left after the current position."""
    position = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(position)
    return end - position


def read_exactly(file: BinaryIO, count: int) -> bytes:
    """The next ``count`` bytes; Damaged if there are fewer, found out before any memory is taken for them."""
    if count > remaining(file):
        raise Damaged("it breaks off")
    return file.read(count)


def skip(file: BinaryIO, count: int) -> None:
    """Moves past the next ``count`` bytes; Damaged if there are fewer."""
    if count > remaining(file):
        raise Damaged("it breaks off")
    file.seek(count, os.SEEK_CUR)
