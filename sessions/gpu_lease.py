"""One studio at a time on a card: the second one waits, and says for whom. On a CPU nobody waits.

The lease is a kernel lock on a file in the user's state folder, so it ends with the process that has it. Who waits
holds a second lock, so that a studio whose engine has nothing to do can see that the card is wanted.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from engine.cards import Card, card_for, is_uuid
from engine.errors import EngineError
from engine.memory import cards_now
from sessions.places import state_folder

FOLDER = "cards"
POLL_SECONDS = 1.0

_SIGNS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""Where a card's driver shows itself: NVIDIA's, AMD's, and either one's inside Windows."""

_VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
_BLOCK = 4096


@dataclass(frozen=True)
class LeaseHolder:
    """Which studio has a card: its session's name and its process."""

    session: str
    pid: int

    def __str__(self) -> str:
        return f"the session {self.session} (process {self.pid})"


def card_of(
    device: str,
    env: Mapping[str, str] | None = None,
    signs: tuple[str, ...] = _SIGNS,
    look: Callable[[], Sequence[Card]] | None = None,
) -> str | None:
    """The card that ``device`` (``auto``, ``cpu``, ``mps``, ``cuda``, ``cuda:1``, a uuid) means; None for a CPU.

    ``auto`` means the largest card where there is a driver of one: torch is not asked, because it is not loaded here.
    A card has one name, whichever way studios were told of it: that by which its driver knows it (``look`` asks it,
    once: not for the event loop's thread), and only where that does not tell, its number.
    """
    env = os.environ if env is None else env
    if is_uuid(device):
        return _named(device)
    if device == "auto" and not any(map(os.path.exists, signs)):
        device = "mps" if sys.platform == "darwin" else "cpu"
    kind, _, index = device.partition(":")
    if kind not in ("auto", "cuda"):
        return "mps" if kind == "mps" else None
    card = card_for(device, (look or _cards)(), env)
    if card is not None and card.uuid:
        return _named(card.uuid)
    number = int(index or 0)
    visible = next((env[name].split(",") for name in _VISIBLE if env.get(name)), [])
    return _named(visible[number].strip() if number < len(visible) else str(number))


def _named(card: str) -> str:
    return f"cuda-{re.sub('[^A-Za-z0-9-]', '-', card)}"


@cache
def _cards() -> tuple[Card, ...]:
    """The cards of this machine, which stay what they are while a studio runs."""
    return cards_now()


class Lease:
    """The right to use ``card``; ``None`` is no card, and needs none."""

    def __init__(self, card: str | None, session: str, env: Mapping[str, str] | None = None) -> None:
        self._folder = state_folder(env) / FOLDER
        self._card = card
        self._session = session
        self._descriptor = -1

    @property
    def held(self) -> bool:
        """Whether it is had."""
        return self._descriptor >= 0

    def try_now(self) -> LeaseHolder | None:
        """Takes the card, or says who has it. Raises EngineError where no lease can be made."""
        if self._card is None or self.held:
            return None
        descriptor = self._open("lock")
        if not _locked(descriptor):
            holder = _read(descriptor)
            os.close(descriptor)
            return holder
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(LeaseHolder(self._session, os.getpid()))).encode(), 0)
        self._descriptor = descriptor
        return None

    async def acquire(self, waiting: Callable[[LeaseHolder], None]) -> None:
        """Waits for the card, however long; ``waiting`` is told for whom, whenever that changes."""
        told: LeaseHolder | None = None
        with contextlib.ExitStack() as queue:
            while holder := self.try_now():
                if told is None:
                    descriptor = self._open("wanted")
                    queue.callback(os.close, descriptor)
                    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                if holder != told:
                    told = holder
                    waiting(holder)
                await asyncio.sleep(POLL_SECONDS)

    def is_wanted(self) -> bool:
        """Whether another studio waits for the card."""
        if self._card is None:
            return False
        descriptor = self._open("wanted")
        try:
            return not _locked(descriptor)
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Gives the card back."""
        if self.held:
            os.close(self._descriptor)
            self._descriptor = -1

    @contextlib.asynccontextmanager
    async def during(self, waiting: Callable[[LeaseHolder], None]) -> AsyncIterator[None]:
        """Has the card inside the block."""
        await self.acquire(waiting)
        try:
            yield
        finally:
            self.release()

    def _open(self, suffix: str) -> int:
        path = self._folder / f"{self._card}.{suffix}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as cause:
            raise _no_lease(path, cause) from cause


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read(descriptor: int) -> LeaseHolder:
    """Who wrote the file; somebody, where that cannot be read in the moment."""
    try:
        raw = json.loads(os.pread(descriptor, _BLOCK, 0))
        return LeaseHolder(str(raw["session"]), int(raw["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return LeaseHolder("of another studio", 0)


def _no_lease(path: Path, cause: OSError) -> EngineError:
    reason = cause.strerror or type(cause).__name__
    return EngineError(f"The card cannot be reserved in {path} ({reason}).", "Check your rights, or set ACETUI_STATE.")
