"""What is typed in this terminal and not applied: kept as it is typed, and never lost.

Fields are kept as text, as they were typed, on top of the revision that is applied. The studio keeps them on disk;
while it cannot be reached, this machine does, and hands them over once it is back. Pure asyncio, no toolkit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from acetui.recipe.draft_keeper import DraftKeeper
from acetui.recipe.field_values import field_of, parsed, place_of, written
from engine.errors import EngineError, InvalidRequest
from sessions.drafts import Draft, Drafts

if TYPE_CHECKING:
    from acetui.client import Client

_log = logging.getLogger(__name__)


class DraftClash(EngineError):
    """What is typed was applied on something that is not what counts any more; both are kept."""


def _nothing() -> None:
    """Nothing is to be shown."""


class Drafting:
    """The draft of one terminal. ``here`` keeps it on this machine while ``client``, which may raise, has no studio.

    ``changed`` is called when what is typed changes, or what it is typed on.
    """

    def __init__(
        self, terminal: str, client: Callable[[], Client], here: Drafts, changed: Callable[[], None] = lambda: None
    ) -> None:
        self.terminal = terminal
        self.revision = 0
        self.clashing: frozenset[str] = frozenset()
        """Fields that are typed here and that a newer revision has changed as well."""

        self._client = client
        self._changed = changed
        self._settings: Mapping[str, Any] = {}
        self._typed: dict[str, str] = {}
        self._over = False
        self._keeper = DraftKeeper(self._draft, client, here)

    # --- what there is -----------------------------------------------------------------------------------------------

    @property
    def typed(self) -> Mapping[str, str]:
        """What is typed and differs from what is applied, by field."""
        return dict(self._typed)

    @property
    def applied(self) -> Mapping[str, Any]:
        """The tables of the revision that counts."""
        return self._settings

    def differs(self, name: str | None = None) -> bool:
        """Whether a field, or any, is typed and not applied."""
        return bool(self._typed) if name is None else name in self._typed

    def text(self, name: str) -> str:
        """What stands in the field: as it was typed, else as it is applied."""
        return self._typed[name] if name in self._typed else self.applied_text(name)

    def applied_text(self, name: str) -> str:
        """What stands in the field where nothing else is typed."""
        return written(name, self._applied(name))

    def settings(self) -> dict[str, dict[str, Any]]:
        """The tables as they would be applied; a field whose text cannot be read is as it is applied now."""
        tables = {table: dict(values) for table, values in self._settings.items()}
        for name in self._typed:
            try:
                value = parsed(name, self._typed[name])
            except InvalidRequest:
                continue
            table, key = place_of(name)
            if value is None:
                tables.get(table, {}).pop(key, None)
            else:
                tables.setdefault(table, {})[key] = value
        return tables

    def recipe(self) -> dict[str, Any]:
        """The recipe as it would be applied."""
        return self.settings().get("recipe", {})

    def problems(self) -> dict[str, InvalidRequest]:
        """What is typed and cannot be read, by field."""
        found = {}
        for name, text in self._typed.items():
            try:
                parsed(name, text)
            except InvalidRequest as problem:
                found[name] = problem
        return found

    # --- what is done ------------------------------------------------------------------------------------------------

    def type(self, name: str, text: str) -> None:
        """A field holds another text; what is as it is applied is no draft."""
        if text == self.text(name):
            return
        if text == self.applied_text(name):
            del self._typed[name]
        else:
            self._typed[name] = text
        self._edited()

    def put(self, values: Mapping[str, Any]) -> None:
        """Fields get other values, in JSON form; None takes one back to what it would be anyway."""
        for name, value in values.items():
            self.type(name, written(name, value))

    def discard(self, names: Iterable[str] | None = None) -> dict[str, str]:
        """Takes what is typed back, all of it or in some fields, and returns it."""
        gone = {
            name: self._typed.pop(name) for name in list(self._typed if names is None else names) if name in self._typed
        }
        if gone:
            self._edited()
        return gone

    def _edited(self) -> None:
        self.clashing &= self._typed.keys()
        self._over = False
        self._keeper.touch()
        self._changed()

    def _draft(self) -> Draft:
        return Draft(self.terminal, self.revision, dict(self._typed))

    def follow(self, revision: int, settings: Mapping[str, Any]) -> None:
        """Another revision counts. What is typed stays, but for what is now applied."""
        if (revision, settings) == (self.revision, self._settings):
            return
        before = {name: self.applied_text(name) for name in self._typed}
        first = not self.revision
        self.revision, self._settings = revision, settings
        settled = [name for name, text in self._typed.items() if text == self.applied_text(name)]
        for name in settled:
            del self._typed[name]
        moved = {name for name, text in before.items() if text != self.applied_text(name)}
        self.clashing = frozenset() if first else frozenset((self.clashing | moved) & self._typed.keys())
        self._over = False
        if settled:
            self._edited()
        else:
            self._changed()

    async def apply(self) -> dict[str, Any] | None:
        """Makes a revision of what is typed; None where nothing is. Returns what the studio says of it.

        Raises InvalidRequest where a field cannot be read, and DraftClash, once, where somebody else has changed the
        same: asked again, this one goes on top, and the other stays in the history.
        """
        for problem in self.problems().values():
            raise problem
        if not self._typed:
            return None
        if self.clashing and not self._over:
            self._over = True
            raise DraftClash(
                f"Revision {self.revision} has changed {_listed(self.clashing)} meanwhile, and both are kept.",
                "Apply again to put yours on top; the history shows the other.",
            )
        sent = dict(self._typed)
        tables: dict[str, dict[str, Any]] = {}
        for name, text in sent.items():
            table, key = place_of(name)
            tables.setdefault(table, {})[key] = parsed(name, text)
        answer = await self._send(tables)
        # What was typed while it was under way stays typed.
        self._typed = {name: text for name, text in self._typed.items() if sent.get(name) != text}
        self.follow(answer["revision"], answer["settings"])
        self._edited()
        return answer

    async def _send(self, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        from acetui.client import Refused

        client, over = self._client(), self._over
        try:
            return await client.change_recipe(self.revision, **tables)
        except Refused as refused:
            if refused.status != 412:
                raise
            on_disk = refused.content.get("revision") == self.revision
            if on_disk and over:
                return await client.apply(self.revision, refused.content["mine"], refused.content["theirs"])
            self._over = True
            hint = "Apply again to put yours on top; what was there is kept beside the drafts."
            raise DraftClash(refused.error, hint if on_disk else "Apply again once you have seen it.") from None

    # --- keeping it --------------------------------------------------------------------------------------------------

    async def attached(self, show: Callable[[], None] = _nothing) -> Mapping[str, str]:
        """The studio is there, or there again: what is typed goes to it, and the first time what this terminal typed
        before comes back. Returns what came back; ``show`` is called before anything else can happen.
        """
        earlier = await self._keeper.earlier()
        back = {}
        if earlier is not None:
            back = self._take_in({name: text for name, text in earlier.typed.items() if name not in self._typed})
            show()
        await self._keeper.hand_over()
        return back

    async def flush(self) -> None:
        """Saves what is not saved yet, and returns when it is."""
        await self._keeper.flush()

    def keep_now(self) -> None:
        """Keeps what is not saved yet without waiting for anybody: for the end of the process."""
        self._keeper.keep_now()

    async def orphans(self, attached: Iterable[str] = ()) -> list[Draft]:
        """Drafts of terminals that are gone: those of all but this one and the ``attached``."""
        there = {self.terminal, *attached}
        await self._keeper.send_left_behind(there)
        return [draft for draft in await self._drafts() if draft.terminal not in there and draft.typed]

    async def adopt(self, orphan: Draft, show: Callable[[], None] = _nothing) -> Mapping[str, str]:
        """Goes on with the draft of a terminal that is gone; fields that are typed here already stay as they are.
        ``show`` is called before anything else can happen.
        """
        back = self._take_in({name: text for name, text in orphan.typed.items() if name not in self._typed})
        show()
        await self._keeper.flush()  # two copies for a moment, rather than none
        await self._client().keep_draft(orphan.terminal, orphan.based_on, {})
        return back

    async def _drafts(self) -> list[Draft]:
        return [Draft(each["terminal"], each["revision"], each["typed"]) for each in await self._client().drafts()]

    def _take_in(self, typed: Mapping[str, str]) -> dict[str, str]:
        """Texts from elsewhere; a field that this version does not know is left out, and so is what is applied."""
        back = {}
        for name, text in typed.items():
            try:
                field_of(name)
            except KeyError:
                _log.warning("the draft has a field %s, which is unknown", name)
                continue
            if text != self.text(name):
                back[name] = text
        if back:
            self._typed |= back
            self._edited()
        return back

    def _applied(self, name: str) -> Any:
        table, key = place_of(name)
        return self._settings.get(table, {}).get(key)


def _place(name: str) -> tuple[str, str]:
    """Table and key of a field's name."""
    table, _, key = name.rpartition(".")
    return table or "recipe", key


def _listed(names: Iterable[str]) -> str:
    *most, last = sorted(names)
    return f"{', '.join(most)} and {last}" if most else last
