"""Looks through what is written once nobody types: what contradicts itself, how many tokens it has, whether it fits."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from textual.timer import Timer

from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.client import Client
    from acetui.recipe.drafting import Drafting
    from acetui.screens.desk import Desk

QUIET_SECONDS = 0.4
"""After the last key."""


class Proofreader:
    """Reads caption and lyrics of a desk, and tells their panes; ``told`` is called where the rest may be told anew."""

    def __init__(
        self,
        desk: Callable[[], Desk],
        client: Callable[[], Client],
        drafting: Callable[[], Drafting | None],
        told: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._told = told
        self._client = client
        self._drafting = drafting
        self._timer: Timer | None = None
        self._reading = False
        self._counted: dict[str, tuple[str, int | None]] = {}
        """Texts and how many tokens they have; None where nobody can count them."""

        self.fit = ""
        """Whether the machine has the memory for what is typed, in words; nothing where nobody has said."""

        self._fitted: Mapping[str, Any] | None = None

    @property
    def idle(self) -> bool:
        """Whether everything is looked through."""
        return self._timer is None and not self._reading

    def look_soon(self) -> None:
        """Something was typed."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self._desk().set_timer(QUIET_SECONDS, self._look)

    async def _look(self) -> None:
        self._timer = None
        self._reading = True
        try:
            desk = self._desk()
            caption, lyrics = desk.caption.text, desk.lyrics.text
            await self._count({"caption": caption, "lyrics": lyrics})
            draft = self._drafting()
            if draft is not None and draft.revision and desk.is_mounted:
                self._tell(desk, draft, caption, lyrics)
                await self._weigh(draft)
                self._told()
        finally:
            self._reading = False

    def _tell(self, desk: Desk, draft: Drafting, caption: str, lyrics: str) -> None:
        from acetui.lyrics.lyric_checks import Words, findings
        from engine.prompt import MAX_CAPTION_TOKENS, MAX_LYRIC_TOKENS

        recipe = draft.recipe()
        words = Words(
            caption,
            lyrics,
            bpm=recipe.get("bpm"),
            keyscale=recipe.get("keyscale"),
            instrumental=bool(recipe.get("instrumental")),
            vocal_language=recipe.get("vocal_language", "unknown"),
            caption_tokens=self._tokens("caption", caption),
            lyric_tokens=self._tokens("lyrics", lyrics),
        )
        found = findings(words)
        desk.caption.check(found)
        desk.caption.count(words.caption_tokens, MAX_CAPTION_TOKENS)
        desk.lyrics.check(found)
        desk.lyrics.count(words.lyric_tokens, MAX_LYRIC_TOKENS)

    def _tokens(self, name: str, text: str) -> int | None:
        """The tokens of a text, if it was this one that was counted."""
        counted, tokens = self._counted.get(name, ("", None))
        return tokens if counted == text else None

    async def _count(self, texts: dict[str, str]) -> None:
        if all(name in self._counted and self._counted[name][0] == text for name, text in texts.items()):
            return
        with contextlib.suppress(EngineError):  # the studio is not there: they are counted with the next change
            counts = await self._client().tokens(**texts)
            self._counted = {name: (text, (counts[name] or {}).get("tokens")) for name, text in texts.items()}

    async def _weigh(self, draft: Drafting) -> None:
        """Asks whether what is typed fits, where what that depends on has changed."""
        from acetui.recipe.fields_shown import PANES

        before = draft.applied.get("recipe", {})
        asked = {
            name: value for name, value in {**dict.fromkeys(before), **draft.recipe()}.items() if name not in PANES
        }
        if asked == self._fitted or draft.problems():
            return
        with contextlib.suppress(EngineError):
            self.fit, self._fitted = (await self._client().fit(asked))["sentence"], asked
