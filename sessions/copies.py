"""Takes that are another one once more: the same codes under another seed, or sound that nobody can tell apart."""

from __future__ import annotations

from sessions.batch import RENDER
from sessions.index_rows import fingerprint_of
from sessions.lists import Lists
from sessions.take import Take

NEAR = 0.1
"""Share of a fingerprint's bits in which copies differ at most; docs/scores.md says what others differ in."""

_SAME_LENGTH = 0.5  # seconds
_LIKE, _CODES = "sounds like take ", "the codes of take "


def is_empty(take: Take) -> bool:
    """Whether there is nothing in a take to hear, or nothing new: what is only poor has still something in it."""
    copied = any(fault.startswith((_LIKE, _CODES)) for fault in take.faults)
    return copied or (bool(take.faults) and "bpm" not in take.measured)  # nobody could listen to it


class Copies:
    """Remembers the takes of a session by how they sound. Reads the store, so not for the event loop's own thread.

    Only takes that were rendered anew are compared: what is made from a take may well sound like it.
    """

    def __init__(self, lists: Lists) -> None:
        self._lists = lists
        self._heard: list[tuple[int, float, int, int]] | None = None
        self._codes: dict[str, int] = {}

    def original(self, take: Take, *, own_codes: bool) -> str:
        """What an earlier take has in common with this one, in words; empty where there is none.

        ``own_codes`` says that its codes were made for it alone. The take is remembered for those that come after it.
        """
        if take.operation != RENDER:
            return ""
        if self._heard is None:
            self._read()
        found = ""
        if own_codes and take.codes and self._codes.setdefault(take.codes, take.number) != take.number:
            found = f"{_CODES}{self._codes[take.codes]} again"
        if bits := fingerprint_of(take):
            size, print_ = 8 * len(bits), int.from_bytes(bits)
            if (twin := self._twin(take.duration, size, print_)) is not None:
                found = f"{_LIKE}{twin}"
            else:
                assert self._heard is not None
                self._heard.append((take.number, take.duration, size, print_))
        return found

    def _twin(self, duration: float, size: int, bits: int) -> int | None:
        most = NEAR * size
        for number, seconds, length, other in self._heard or ():
            if length == size and abs(seconds - duration) <= _SAME_LENGTH and (bits ^ other).bit_count() <= most:
                return number
        return None

    def _read(self) -> None:
        self._heard = []
        for number, operation, seconds, codes, bits in self._lists.fingerprints():
            if operation == RENDER and codes:
                self._codes.setdefault(codes, number)
            if operation == RENDER and bits:
                self._heard.append((number, seconds, 8 * len(bits), int.from_bytes(bits)))
