"""The line between an engine process and whoever drives it, at the engine's end: whole messages over two pipes."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Iterator
from typing import BinaryIO

from engine.protocol import MAX_LINE, Message, ProtocolError


class Channel:
    """The way to the parent: whole lines, from any thread. A parent that is gone is not an error here."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Writes one message at once."""
        line = message.to_json().encode() + b"\n"
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._stream.write(line)
            self._stream.flush()

    def is_deserted(self) -> bool:
        """Whether nobody can read any more what is sent, as after the death of the parent."""
        watch = select.poll()
        watch.register(self._stream, 0)  # an error is told of without being asked for
        return bool(watch.poll(0))


def read_lines(stream: BinaryIO) -> Iterator[bytes | ProtocolError]:
    """The lines of ``stream``; for one that is longer than MAX_LINE the error, once all of it has gone by."""
    while line := stream.readline(MAX_LINE):
        if len(line) < MAX_LINE or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE)
        yield ProtocolError(f"A line is longer than {MAX_LINE // 2**20} MiB.")


def claim_streams() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for the protocol alone: everybody else reads nothing and prints to the log."""
    commands, events = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return commands, events
