"""This machine's end: commands from the parent go to a station, and what its engine says comes back, takes included."""

from __future__ import annotations

import sys
import threading
from typing import BinaryIO, Protocol

from engine.afar.parcels import Job, Parcels
from engine.afar.station import Heard
from engine.errors import EngineError
from engine.file_names import check_output
from engine.lines import Channel, read_lines
from engine.protocol import (
    Cancel,
    Done,
    ErrorEvent,
    Message,
    ProgressEvent,
    ProtocolError,
    Render,
    Shutdown,
    TakeEvent,
    Write,
    Written,
    parse,
)


class AStation(Protocol):
    """What is known of a station from here."""

    folder: str

    def tell(self, line: bytes, files: dict[str, bytes]) -> None:
        """Passes a message on, with files that it speaks of."""

    def hear(self) -> list[Heard]:
        """What its engine has said since."""


class Relay:
    """Stands where an engine process would stand: the same words on both ends."""

    def __init__(self, channel: Channel, station: AStation) -> None:
        self._channel = channel
        self._station = station
        self._parcels = Parcels(station.folder)
        self._jobs: dict[str, Job] = {}
        self._telling = threading.Lock()

    def run(self, commands: BinaryIO) -> int:
        """Passes on until the engine has ended, and returns its code. Raises EngineError where it is lost."""
        threading.Thread(target=self._read, args=[commands], daemon=True).start()
        while True:
            for heard in self._station.hear():
                if heard.code is not None:
                    return heard.code
                if heard.log:
                    sys.stderr.buffer.write(heard.log)
                    sys.stderr.buffer.flush()
                else:
                    self._pass_back(parse(heard.line), heard)

    def _read(self, commands: BinaryIO) -> None:
        """The thread that takes commands; when there will be no more, the engine is asked to end."""
        try:
            for line in read_lines(commands):
                try:
                    if isinstance(line, ProtocolError):
                        raise line
                    self._pass_on(parse(line), line)
                except ProtocolError as error:
                    self._channel.send(ErrorEvent.of(error, error.id))
            self._tell(Shutdown())
        except EngineError:
            return  # the station is lost, and the other thread says so

    def _pass_on(self, message: Message, line: bytes) -> None:
        if not isinstance(message, Render | Write):
            self._tell(message, line)
            return
        try:
            if isinstance(message, Render):
                check_output(message.output, message.request.get("seeds") or (0,))
            packed, files, job = self._parcels.packed(message)
        except EngineError as error:  # it cannot be done, wherever it would be
            self._channel.send(ErrorEvent.of(error, message.id))
            return
        self._jobs[message.id] = job
        self._tell(packed, files=files)

    def _tell(self, message: Message, line: bytes | None = None, files: dict[str, bytes] | None = None) -> None:
        with self._telling:
            self._station.tell(line or message.to_json().encode(), files or {})

    def _pass_back(self, message: Message, heard: Heard) -> None:
        job = self._jobs.get(getattr(message, "id", None) or "")
        match message:
            case TakeEvent() if job is not None:
                self._take(message, heard, job)
            case ProgressEvent() if job is not None and job.failure is not None:
                return
            case Done() | ErrorEvent() | Written() if job is not None:
                del self._jobs[str(message.id)]
                self._channel.send(message if job.failure is None else ErrorEvent.of(job.failure, message.id))
            case _:
                self._channel.send(message)

    def _take(self, event: TakeEvent, heard: Heard, job: Job) -> None:
        """A take is told of once it is here, whole; one that cannot be written ends its job."""
        if job.failure is not None:
            return
        try:
            self._channel.send(self._parcels.unpacked(event, heard.files, job))
        except EngineError as error:
            job.failure = error
            self._tell(Cancel(event.id))
