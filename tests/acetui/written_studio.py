"""A studio whose recipe is really changed by what is applied: revisions, drafts and tokens as the real one has them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from acetui.app import StudioApp
from acetui.client import Refused
from sessions.changes import summary
from sessions.settings import Settings
from tests.acetui.told_studio import ToldStudio, studio, until


class WrittenStudio(ToldStudio):
    """``kept`` has the drafts by terminal; ``revisions_now`` every state of the settings, the first is revision 1."""

    def __init__(self, recipe: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.settings = Settings.from_dict({"recipe": dict(recipe or {})}).to_dict()
        self.revisions_now = [self.settings]
        self.kept: dict[str, dict[str, Any]] = {}

    async def change_recipe(self, revision: int, **tables: Mapping[str, Any]) -> dict[str, Any]:
        self._note("change_recipe", (revision, tables))
        if revision != self.revision:
            raise Refused(412, {"error": f"Revision {self.revision} came before.", "revision": self.revision})
        return self.becomes(Settings.from_dict(self.settings).replace(tables).to_dict())

    def becomes(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Other settings count, whoever made them."""
        changed = summary(Settings.from_dict(self.settings), Settings.from_dict(settings))
        self.settings, self.revision = settings, self.revision + 1
        self.revisions_now.append(settings)
        self.tell("recipe", revision=self.revision, changed=changed)
        return {"revision": self.revision, "changed": changed, "settings": settings}

    async def revisions(self, limit: int = 200, offset: int = 0) -> dict[str, Any]:
        self._note("revisions", (limit, offset))
        numbers = list(range(len(self.revisions_now), 0, -1))[offset : offset + limit]
        past = [
            {
                "number": number,
                "when": f"2026-11-20T1{number % 10}:00:00Z",
                "changed": f"change {number}" if number > 1 else "",
                "readable": True,
            }
            for number in numbers
        ]
        return {"revisions": past, "total": len(self.revisions_now), "current": self.revision}

    async def revision_of(self, number: int) -> dict[str, Any]:
        self._note("revision", number)
        return {"number": number, "settings": self.revisions_now[number - 1]}

    async def drafts(self) -> list[dict[str, Any]]:
        return [{"terminal": name, **draft} for name, draft in self.kept.items()]

    async def keep_draft(self, terminal: str, revision: int, typed: Mapping[str, str]) -> dict[str, Any]:
        self.kept.pop(terminal, None)
        if typed:
            self.kept[terminal] = {"revision": revision, "typed": dict(typed)}
        return {}

    async def write(self, job: str, **body: Any) -> dict[str, Any]:
        self._note(job, body)
        return {"caption": "a soft waltz", "lyrics": "[Verse]\nla", "bpm": 90, "keyscale": "", "vocal_language": "en"}

    async def upload(self, file: Path) -> str:
        return f"hash of {file}"

    async def tokens(self, **typed: str) -> dict[str, Any]:
        self._note("tokens", typed)
        return {name: {"tokens": len(text.split()), "limit": 1} for name, text in typed.items()}


class _Client:
    """The studio as a client has it: there, ``revision`` is a question and not a number."""

    def __init__(self, told: WrittenStudio) -> None:
        self._told = told

    def __getattr__(self, name: str) -> Any:
        return getattr(self._told, "revision_of" if name == "revision" else name)


@asynccontextmanager
async def written(
    recipe: Mapping[str, Any] | None = None,
    size: tuple[int, int] = (120, 40),
    told: WrittenStudio | None = None,
    **more: Any,
) -> AsyncIterator[tuple[WrittenStudio, StudioApp, Pilot[str | None]]]:
    """The app on such a studio, with its recipe in the panes."""
    told = told or WrittenStudio(recipe)
    connect = told.connect

    async def as_client() -> Any:
        await connect()
        return _Client(told)

    told.connect = as_client  # type: ignore[method-assign]
    async with studio(told, size, **more) as (app, pilot):
        await until(pilot, lambda: app.writing.settled)
        yield told, app, pilot
