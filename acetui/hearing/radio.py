"""What the radio plays next: takes that nobody has heard, and where there are none, those that were kept.

It asks the studio for takes by their order alone, so that it is quick among fifty thousand. A take that failed the
gate is never played, one that cannot be played gives way to the next, and as long as there is any take at all it does
not fall silent.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

ORDERS = {"newest": "-number", "best": "-score,number"}
"""In which order new takes are played."""

_SOUND = "not faulty and not rejected and stored=whole"
FRESH = f"unheard and {_SOUND}"
KEPT = f"(pinned or liked) and {_SOUND}"
ANY = _SOUND

MOST = 50
"""How many are looked at, if one after the other cannot be played."""


class Radio:
    """A choice of takes. ``ask`` gives the numbers of takes that pass a filter, in an order."""

    def __init__(self, ask: Callable[[str, str], Awaitable[Sequence[int]]], order: str = "newest") -> None:
        self.order = order
        self._ask = ask
        self._played: list[int] = []
        """What it has played, the latest last, each once."""

        self._broken: set[int] = set()

    def playing(self, number: int) -> None:
        """A take is heard now."""
        if number in self._played:
            self._played.remove(number)
        self._played.append(number)

    def broken(self, number: int) -> None:
        """A take cannot be played: it is not offered again."""
        self._broken.add(number)

    async def coming(self, beside: int | None = None) -> list[int]:
        """The takes that may come next, the first choice first; ``beside`` is heard now, and comes last if at all."""
        played = {number: at for at, number in enumerate(self._played)}
        new = [number for number in await self._some(FRESH, ORDERS[self.order]) if number not in played]
        kept = sorted(await self._some(KEPT, ORDERS["best"]), key=lambda number: played.get(number, -1))
        rest: list[int] = []
        if len(new) + len(kept) < 2:
            rest = sorted(await self._some(ANY, ORDERS["newest"]), key=lambda number: played.get(number, -1))
        found = list(dict.fromkeys((*new[:MOST], *kept[:MOST], *rest[:MOST])))
        return [each for each in found if each != beside] + [each for each in found if each == beside]

    async def is_new(self, number: int) -> bool:
        """Whether a take is one that nobody has heard."""
        return number not in self._played and number in await self._ask(FRESH, ORDERS[self.order])

    async def _some(self, filter: str, order: str) -> list[int]:
        """The takes that pass a filter and are not broken."""
        return [number for number in await self._ask(filter, order) if number not in self._broken]
