"""A studio's API as an object: takes in memory, answers like the real one's. For tests of the terminal alone."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from rich.cells import set_cell_size
from textual.pilot import Pilot
from textual.widget import Widget

from acetui.app import StudioApp
from acetui.browsing.take_filter import take_of
from acetui.client import Client, Refused
from acetui.studio_state import Connection
from engine.scoring.ranking import overall, standing
from sessions.briefs import brief
from sessions.query import sort_value
from sessions.query_parser import parse, parse_sort
from sessions.take import Take

Size = tuple[int, int]


def take(number: int, **fields: Any) -> dict[str, Any]:
    """A take object, as events have it."""
    request = {"caption": "melancholic synthwave, airy pads", "bpm": 96, "keyscale": "A minor", "inference_steps": 8}
    values: dict[str, Any] = {
        "id": f"id{number}", "number": number, "name": "neon drive", "seed": 8000 + number, "duration": 124.0,
        "request": request, "files": {"audio": f"takes/{number}.flac"}, "score": None, "revision": 1,
        "identity": {"profile": "turbo"}, "timings": {"conditions": 0.2, "sampling": 2.0, "decode": 1.1},
        "loudness": -14.2, **fields,
    }  # fmt: skip
    return Take(**values).object()


class ScriptedStudio:
    """Takes, and a note of everything that was asked. ``refusals`` answers calls by name, once each."""

    def __init__(self, takes: Sequence[Mapping[str, Any]] = ()) -> None:
        self.kept = {each["number"]: dict(each) for each in takes}
        self.asked: list[tuple[str, Any]] = []
        self.coming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.refusals: dict[str, Refused] = {}
        self.decodes = True
        self.answers: dict[str, dict[str, Any]] = {}

    async def close(self) -> None:
        """Nothing is open."""

    async def session(self) -> dict[str, Any]:
        trashed = sum(each["trashed"] for each in self.kept.values())
        return {
            "id": "scripted", "name": "neon", "last_event": None, "engine": {"ready": True, "profile": None},
            "revision": {"number": 1, "settings": {"recipe": {}}, "problem": None}, "machine": None,
            "loop": {"on": False, "state": "idle", "reason": "", "made": 0}, "progress": None,
            "takes": {"total": len(self.kept) - trashed, "trashed": trashed},
        }  # fmt: skip

    async def events(self, after: str | None = None) -> AsyncIterator[dict[str, Any]]:
        while True:
            yield await self.coming.get()

    async def takes(self, filter: str = "", sort: str = "-number", limit: int = 200, offset: int = 0) -> dict[str, Any]:
        numbers = await self.order(filter, sort)
        return {"takes": [self.kept[number] for number in numbers[offset : offset + limit]], "total": len(numbers)}

    async def order(self, filter: str = "", sort: str = "-number") -> list[int]:
        self._note("order", (filter, sort))
        query, keys = parse(filter), parse_sort(sort)
        found = [take_of(each) for each in self.kept.values()]
        found = [each for each in found if query.matches(each) and (not each.trashed or query.mentions("trashed"))]
        for key in reversed((*keys, *([] if keys and keys[-1].column.name == "number" else parse_sort("number")))):
            values = {each.number: sort_value(key.column, each) for each in found}
            found.sort(key=lambda each: values[each.number] or 0, reverse=key.descending)
            found.sort(key=lambda each: values[each.number] is None)
        return [each.number for each in found]

    async def order_by_revision(self, filter: str = "", sort: str = "-number") -> dict[str, Any]:
        numbers = await self.order(filter, sort)
        runs = [[key, len(list(all))] for key, all in groupby(self.kept[each]["revision"] for each in numbers)]
        firsts: dict[int, int] = {}
        for number, each in sorted(self.kept.items()):
            if each["operation"] != "sibling":
                firsts.setdefault(each["revision"], number)
        return {"numbers": numbers, "runs": runs, "firsts": [list(pair) for pair in firsts.items()]}

    async def revisions(self, limit: int = 200, offset: int = 0) -> dict[str, Any]:
        self._note("revisions", limit)
        return {"revisions": [{"number": 1, "changed": ""}, {"number": 2, "changed": "bpm 96 -> 104"}], "total": 2}

    async def revision(self, number: int) -> dict[str, Any]:
        self._note("revision", number)
        recipe = {"caption": "melancholic synthwave, {airy|dark} pads", "bpm": 96}
        return {"number": number, "settings": {"recipe": recipe}, "text": ""}

    async def rows(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        self._note("rows", list(numbers))
        numbers_of = {each["id"]: each["number"] for each in self.kept.values()}
        found = [self.kept[number] for number in numbers if number in self.kept]
        return [brief(each, numbers_of.get(each["parent"])) for each in found]

    async def take(self, key: int | str) -> dict[str, Any]:
        self._note("take", key)
        return dict(self.kept[int(key)])

    async def why(self, key: int | str) -> dict[str, Any]:
        self._note("why", key)
        told = self.kept[int(key)]
        mine = overall(told["parts"], told["request"])
        others = [overall(each["parts"], each["request"]) for each in self.kept.values() if each is not told]
        place = None if told["faults"] else standing(mine, others)
        return {**mine.object(), "standing": None if place is None else place.object()}

    async def peaks(self, key: int | str, columns: int = 1000) -> dict[str, Any]:
        self._note("peaks", (key, columns))
        if not self.decodes:
            raise Refused(501, {"error": "Audio cannot be decoded here.", "hint": "Install."})
        high = [abs(math.sin(at / columns * 9 + int(key))) * at / columns for at in range(columns)]
        return {"seconds": 124.0, "low": [-value for value in high], "high": high}

    async def change_each(self, changes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        self._note("change_each", [dict(each) for each in changes])
        changed, before = [], []
        for each in changes:
            was = dict(self.kept[each["number"]])
            now = self.mark([each["number"]], {name: value for name, value in each.items() if name != "number"})[0]
            marks = ("pinned", "liked", "rejected", "heard", "rating", "note", "tags", "name", "trashed")
            before.append({"number": was["number"], **{name: was[name] for name in marks if was[name] != now[name]}})
            changed.append(now["number"])
        return {"rows": await self.rows(changed), "before": before, "failed": []}

    async def operate(self, key: int | str, operation: str, **options: Any) -> dict[str, Any]:
        self._note("operate", (key, operation, options))
        return self.answers.get(operation, {"accepted": True})

    async def drafts(self) -> list[dict[str, Any]]:
        return []

    async def keep_draft(self, terminal: str, revision: int, typed: Mapping[str, str]) -> dict[str, Any]:
        return {}

    async def fit(self, recipe: Mapping[str, Any]) -> dict[str, Any]:
        return {"fits": True, "sentence": f"fits: batch {recipe.get('batch_size') or 1}, 3.1 of 8.0 GB"}

    async def tokens(self, **typed: str) -> dict[str, Any]:
        return dict.fromkeys(typed)

    def mark(self, numbers: Sequence[int], marks: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Gives takes marks, and tells of it as the studio does."""
        given = dict(marks)
        verdict, trashed = given.pop("verdict", None), given.pop("trashed", None)
        changed = []
        for number in numbers:
            found = take_of(self.kept[number]).replace(
                **{**given, **({"tags": tuple(given["tags"])} if "tags" in given else {})}
            )
            found = found.judged(verdict) if verdict else found
            found = found if trashed is None else found.replace(trashed=trashed)
            self.kept[number] = found.object()
            changed.append(self.kept[number])
            kind = "changed" if trashed is None else "trashed" if trashed else "restored"
            self.coming.put_nowait({"event": "changed", "kind": kind, "take": self.kept[number]})
        return changed

    def make(self, **fields: Any) -> int:
        """Makes a take, and tells of it."""
        number = max(self.kept, default=0) + 1
        self.kept[number] = take(number, **fields)
        self.coming.put_nowait({"event": "take", "take": self.kept[number]})
        return number

    def tell(self, event: str, **data: Any) -> None:
        """Publishes an event."""
        self.coming.put_nowait({"event": event, **data})

    def calls(self, name: str) -> list[Any]:
        """What was asked by one name."""
        return [what for each, what in self.asked if each == name]

    def _note(self, name: str, what: Any) -> None:
        self.asked.append((name, what))
        if refusal := self.refusals.pop(name, None):
            raise refusal


@asynccontextmanager
async def desk_with(
    studio: ScriptedStudio, size: Size = (80, 24)
) -> AsyncIterator[tuple[StudioApp, Pilot[str | None]]]:
    """The terminal, attached to it, with everything on the screen that it has to show."""

    async def connect() -> Client:
        return cast(Client, studio)

    app = StudioApp(Path("/nowhere/neon"), connect=connect)
    async with app.run_test(size=size) as pilot:
        await settled(app, pilot)
        yield app, pilot


async def settled(app: StudioApp, pilot: Pilot[str | None]) -> None:
    """Waits until everything that was told and asked is on the screen."""
    async with asyncio.timeout(20):
        while app.state.connection is not Connection.THERE:
            await pilot.pause(0.01)
        for _ in range(3):
            await pilot.pause()
            await app.feed.settle()
            await app.details.settle()
        await pilot.pause()


def picture(app: StudioApp, *panes: Widget) -> list[str]:
    """The screen as text, or the part of it that ``panes`` cover, without blanks at the ends."""
    lines = ["".join(segment.text for segment in line) for line in app.screen._compositor.render_strips()]
    if not panes:
        return [line.rstrip() for line in lines]
    regions = [pane.region for pane in panes]
    left, right = min(region.x for region in regions), max(region.right for region in regions)
    top, bottom = min(region.y for region in regions), max(region.bottom for region in regions)
    return [set_cell_size(line, right)[left:].rstrip() for line in lines[top:bottom]]


def check_picture(name: str, lines: list[str]) -> None:
    """Compares with what is kept in ``pictures/``; ``ACETUI_NEW_PICTURES=1`` keeps these instead."""
    path = Path(__file__).parent / "pictures" / f"{name}.txt"
    if os.environ.get("ACETUI_NEW_PICTURES"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == path.read_text(encoding="utf-8").splitlines(), f"see {path}"
