"""What is written on the desk: between the panes, which hold text, and the draft, which keeps it.

What it needs of the engine's tables is loaded after the first picture, beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acetui.screens.proofreader import Proofreader
from acetui.studio_state import Connection, StudioState
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.client import Client
    from acetui.own_terminal import OwnTerminal
    from acetui.panes.words import WordsPane
    from acetui.recipe.drafting import Drafting
    from acetui.recipe.examples import Dice
    from acetui.recipe.form_rows import FormFacts
    from acetui.recipe.tap_tempo import TapTempo
    from acetui.screens.desk import Desk
    from sessions.drafts import Draft

TEXTS = ("caption", "lyrics")


class Writing:
    """The writing on one desk. ``say`` tells a person something."""

    def __init__(self, session: Path, desk: Callable[[], Desk], client: Callable[[], Client]) -> None:
        self._session = session
        self._find_desk = desk
        self._seen_desk: Desk | None = None
        self._client = client
        self._state: StudioState | None = None
        self._drafting: Drafting | None = None
        self._terminal: OwnTerminal | None = None
        self._reader = Proofreader(lambda: self._desk, client, lambda: self._drafting, self._tell)
        self._facts: FormFacts | None = None
        """What the form shows."""

        self._attaching = asyncio.Lock()
        self._there = False
        self.waits = False
        """Whether somebody waits for the studio to have the draft."""

        self._put_away: dict[str, str] = {}
        self._dice: Dice | None = None
        self._taps: TapTempo | None = None
        self.orphans: list[Draft] = []
        """Drafts of terminals that are gone, as far as is known."""

    @property
    def drafting(self) -> Drafting:
        """The draft of this terminal. Raises EngineError in the moment before there is one."""
        if self._drafting is None:
            raise EngineError("The recipe is not there yet.", "Try again in a moment.")
        return self._drafting

    @property
    def there(self) -> bool:
        """Whether the studio is there, and has what is typed here."""
        return self._there and self._state is not None and self._state.connection is Connection.THERE

    async def wait(self, seconds: float) -> None:
        """Waits until it is ``there``, but no longer than so many seconds."""
        self.waits = True
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while not self.there:
                        await asyncio.sleep(0.05)
        finally:
            self.waits = False

    @property
    def settled(self) -> bool:
        """Whether the draft is there and with the studio, and nothing waits to be looked through."""
        return self._drafting is not None and self._there and self._reader.idle

    # --- beginning and ending ----------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Makes the draft, once the first picture is there."""
        await asyncio.to_thread(_load)
        from acetui.own_terminal import OwnTerminal
        from acetui.recipe.drafting import Drafting
        from sessions.drafts import Drafts

        self._terminal = terminal = await asyncio.to_thread(OwnTerminal, self._session)
        self._drafting = Drafting(terminal.name, self._client, Drafts(terminal.kept), self._show_form)
        if self._state is not None:
            self.follow(self._state)

    async def attached(self) -> str:
        """The studio is there, or there again: drafts go there and come back. What a person should know of it."""
        async with self._attaching:  # a line that breaks and mends at once would do it twice
            while self._drafting is None:
                await asyncio.sleep(0.05)
            self.pull()
            back = await self._drafting.attached(self._push)
            others = self._terminal.others() if self._terminal is not None else ()
            self.orphans = await self._drafting.orphans(others)
            self._there = True
            self._reader.look_soon()
            if self.orphans:
                wait = "s wait" if len(self.orphans) > 1 else " waits"
                return f"{len(self.orphans)} older draft{wait} to be taken over: w o."
            return "What was typed here before is back." if back else ""

    async def close(self) -> None:
        """Saves the last words, in the studio if it answers soon."""
        if self._drafting is None:
            return
        with contextlib.suppress(EngineError):
            if self._seen_desk is not None:  # else there was nothing to type into
                self.pull()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._drafting.flush(), 1.0)
            self._drafting.keep_now()
        if self._terminal is not None:
            self._terminal.close()

    def keep_now(self) -> None:
        """Keeps the last words without waiting for anybody: the process is about to end."""
        if self._drafting is not None:
            if self._seen_desk is not None:
                self.pull()
            self._drafting.keep_now()

    # --- between panes and draft -------------------------------------------------------------------------------------

    def follow(self, state: StudioState) -> None:
        """The studio's state: another revision may count, another model may render."""
        before, self._state = self._state, state
        if self._drafting is None or not state.revision:
            return
        if (self._drafting.revision, self._drafting.applied) != (state.revision, state.settings):
            self.pull()
            self._drafting.follow(state.revision, state.settings)
            self._push()
        elif before is None or before.engine != state.engine:
            self._show_form()

    def pull(self) -> None:
        """What is in the panes goes into the draft; before the recipe is known, an empty pane says nothing."""
        if self._drafting is not None:
            for name, pane in self._panes().items():
                if self._drafting.revision or pane.text:
                    self._drafting.type(name, pane.text)

    def typed(self) -> None:
        """Somebody types: kept at once, looked through once it is quiet."""
        self.pull()
        self._reader.look_soon()

    def type(self, name: str, text: str) -> None:
        """An entry of the form holds another text; the preset's sets many fields."""
        from acetui.recipe.fields_shown import PRESET

        if name == PRESET:
            self.preset(text or "normal")
        else:
            self.drafting.type(name, text)
            self._push()

    def put(self, values: Mapping[str, Any]) -> None:
        """Fields get other values, in JSON form."""
        self.pull()
        self.drafting.put(values)
        self._push()

    def preset(self, name: str) -> None:
        """The fields that a preset decides become what it says."""
        from acetui.recipe.fields_shown import profile_of
        from sessions.presets import SHAPING, find_preset

        profile = profile_of(self._state.engine.get("profile") if self._state else None)
        preset = find_preset(name)
        fields = preset.turbo if profile is None or profile.turbo else preset.guided
        self.put(dict.fromkeys(SHAPING) | dict(fields))

    def roll(self) -> None:
        """Another example takes the place of words and metadata."""
        from acetui.recipe.examples import Dice

        self._dice = self._dice or Dice()
        self.put(self._dice.roll(sketch=self._state.sketch if self._state else False))

    def tap(self) -> str:
        """One tap of the tempo; what to say of it."""
        from acetui.recipe.tap_tempo import TapTempo

        self._taps = self._taps or TapTempo()
        bpm = self._taps.tap(time.monotonic())
        if bpm is None:
            return "Tap on, in time with the music."
        self.put({"bpm": bpm})
        return f"{bpm} beats a minute, from {self._taps.taps} taps."

    def put_away(self) -> bool:
        """Takes what is typed away, or brings back what was taken away; False where there is neither."""
        self.pull()
        gone = self.drafting.discard()
        if gone:
            self._put_away = gone
        elif self._put_away:
            for name, text in self._put_away.items():
                self.drafting.type(name, text)
            self._put_away = {}
        else:
            return False
        self._push()
        return True

    async def adopt(self) -> Draft | None:
        """Takes over the oldest draft of a terminal that is gone; None where there is none."""
        if not self.orphans:
            return None
        self.pull()
        orphan = self.orphans.pop(0)
        await self.drafting.adopt(orphan, self._push)
        return orphan

    def take_back(self, settings: Mapping[str, Mapping[str, Any]]) -> int:
        """What is typed becomes these settings; how many fields that changes against what is applied."""
        from acetui.recipe.field_values import place_of
        from acetui.recipe.fields_shown import GROUPS, PANES, PRESET

        names = [*PANES, *(name for group in GROUPS for name in group.names if name != PRESET)]
        places = ((name, *place_of(name)) for name in names)
        self.put({name: settings.get(table, {}).get(key) for name, table, key in places})
        return len(self.drafting.typed)

    async def apply(self) -> dict[str, Any] | None:
        """Makes a revision of what is typed; see ``Drafting.apply``."""
        self.pull()
        try:
            return await self.drafting.apply()
        finally:
            self._show_form()

    # --- what is shown -----------------------------------------------------------------------------------------------

    @property
    def _desk(self) -> Desk:
        """The desk; at the end it is still known when the app has let it go."""
        if self._seen_desk is None:
            self._seen_desk = self._find_desk()
        return self._seen_desk

    def _panes(self) -> dict[str, WordsPane]:
        return {"caption": self._desk.caption, "lyrics": self._desk.lyrics}

    def _push(self) -> None:
        """What is in the draft goes into the panes."""
        if self._drafting is not None:
            for name, pane in self._panes().items():
                pane.put(self._drafting.text(name))
            self._show_form()
            self._reader.look_soon()

    def _show_form(self) -> None:
        draft, desk = self._drafting, self._desk
        if draft is None or not draft.revision or not desk.is_mounted:
            return
        from acetui.recipe.fields_shown import profile_of
        from acetui.recipe.form_rows import FormFacts

        for name, pane in self._panes().items():
            pane.tell(differs=draft.differs(name), clashes=name in draft.clashing)
        profile = profile_of(self._state.engine.get("profile") if self._state else None)
        typed = {name: text for name, text in draft.typed.items() if name not in TEXTS}
        settings = draft.settings()
        recipe = {name: value for name, value in settings.get("recipe", {}).items() if name not in TEXTS}
        facts = FormFacts({**settings, "recipe": recipe}, typed, draft.problems(), profile)
        if facts == self._facts:  # with every key in a text
            return
        self._facts = facts
        desk.metadata.put(facts)
        self._tell()
        desk.lyrics.lyrics.sung_in(settings.get("recipe", {}).get("vocal_language", "unknown"))

    def _tell(self) -> None:
        """What the heading of the form says: how much of it is typed, and whether the machine has room for it."""
        typed = len(self._facts.typed) if self._facts is not None else 0
        words = [word for word in (f"{typed} not applied" if typed else "", self._reader.fit) if word]
        self._desk.metadata.tell(" · ".join(words), *words)


def _load() -> None:
    """The engine's tables, and what stands on them."""
