"""One file from a hub, piece by piece: what has arrived stays, and the next try goes on where the last one ended.

The hub's client knows where a file is, who may have it and through which proxy; it does not keep half a file when a
program ends, so the pieces are written here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.hub import modelscope
from engine.hub.listing import HubFile, Listing
from engine.hub.trouble import NoRoom, in_words

PIECE = 1 << 18
"""Bytes that are written at once: a cut costs no more, and progress moves on slow lines."""

_PASSING = (408, 429, 500, 502, 503, 504)
"""Answers after which it is worth trying again."""


@dataclass(frozen=True)
class Patience:
    """How long a silent line is waited for, how often it is tried again, and the pause before the first of those."""

    seconds: float = 30.0
    tries: int = 5
    pause: float = 1.0
    longest_pause: float = 15.0

    def rest(self, failures: int) -> None:
        """The pause after so many failures in a row."""
        time.sleep(min(self.pause * 2 ** (failures - 1), self.longest_pause))


@dataclass(frozen=True)
class Fetch:
    """How the files of a model are fetched; ``arrived`` hears of every piece, in bytes."""

    listing: Listing
    token: str | None
    patience: Patience
    arrived: Callable[[int], None]

    def file(self, file: HubFile, target: Path) -> None:
        """Completes ``target``. Raises Unreachable, NotOffered and NoRoom; what has arrived is kept."""
        failures = 0
        while (have := _size(target, file.size)) < file.size or not target.exists():
            try:
                with in_words(self.listing.model, self.listing.endpoint):
                    failures = self._try(file, target, have, failures)
            except OSError as cause:
                raise _not_written(target, cause) from cause
        _sync(target)

    def _try(self, file: HubFile, target: Path, have: int, failures: int) -> int:
        """Goes on behind what there is; returns how many tries in a row have brought nothing."""
        from huggingface_hub.utils import httpx

        try:
            self._pieces(file, target, have)
            if target.is_file() and target.stat().st_size == file.size:
                return 0
            raise httpx.RemoteProtocolError("It sends another file than it lists")
        except httpx.TransportError:
            failures = 1 if _size(target, file.size) > have else failures + 1
            if failures > self.patience.tries:
                raise
        self.patience.rest(failures)
        return failures

    def _pieces(self, file: HubFile, target: Path, have: int) -> None:
        """Asks for what lacks and writes it as it comes."""
        from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status, httpx

        token = self.token if self.listing.hub.kind == "huggingface" else False  # it is nobody else's to see
        headers = build_hf_headers(token=token) | {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        url = self.listing.url(file)
        with get_session().stream("GET", url, headers=headers, timeout=self.patience.seconds) as response:
            if response.status_code in _PASSING:
                raise httpx.RemoteProtocolError(f"It answers with an error ({response.status_code})")
            if response.status_code == 416:  # the file there is another one than the one that was begun
                self._restart(target, have)
                return
            if response.status_code >= 400 and self.listing.hub.kind == "modelscope":
                raise modelscope.refused(self.listing.hub, self.listing.model, response.status_code)
            if response.status_code >= 400:
                response.read()
            hf_raise_for_status(response)
            if have and response.status_code != 206:
                self._restart(target, have)
            self._write(response, target)

    def _write(self, response: Any, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab") as out:
            for piece in response.iter_bytes(PIECE):
                out.write(piece)
                self.arrived(len(piece))

    def _restart(self, target: Path, have: int) -> None:
        target.unlink(missing_ok=True)
        self.arrived(-have)


def _sync(target: Path) -> None:
    """What was written is on the disk."""
    try:
        with target.open("ab") as out:
            os.fsync(out.fileno())
    except OSError as cause:
        raise _not_written(target, cause) from cause


def _size(target: Path, whole: int) -> int:
    """What there is of a file; one that is longer than it should be is not a part of it."""
    try:
        have = target.stat().st_size
    except FileNotFoundError:
        return 0
    if have > whole:
        target.unlink()
        return 0
    return have


def _not_written(target: Path, cause: OSError) -> NoRoom:
    reason = cause.strerror or str(cause)
    return NoRoom(f"{target} could not be written: {reason}.", "Make room; what has arrived is kept.")
