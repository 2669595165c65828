"""Every screen at three sizes and in two themes, as text with digests of its styles (``pictures.py``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from acetui.app import StudioApp
from acetui.log_book import LogBook
from acetui.looks.terminal_settings import AS_SHIPPED
from acetui.looks.themes import shipped
from acetui.screens.asks_models import AsksModels
from acetui.screens.remake import Remake
from sessions.places import session_path
from tests.acetui.pictured_studio import pictured
from tests.acetui.pictures import check, styles_of, text_of
from tests.acetui.scripted_studio import settled
from tests.acetui.told_studio import until

SIZES = ((80, 24), (120, 40), (200, 50))
THEMES = ("nocturne", "paper")

Arrange = Callable[[StudioApp, Pilot[str | None]], Awaitable[None]]


def press(*keys: str) -> Arrange:
    async def arrange(app: StudioApp, pilot: Pilot[str | None]) -> None:
        await pilot.press(*keys)

    return arrange


async def filtering(app: StudioApp, pilot: Pilot[str | None]) -> None:
    """The list follows what is typed a moment later."""
    await pilot.press("slash", *"pinned")
    await until(pilot, lambda: len(app.book.list) == 1)


async def repainting(app: StudioApp, pilot: Pilot[str | None]) -> None:
    """The outline and what was made before have come."""
    await pilot.press("r")
    await until(pilot, lambda: isinstance(app.screen, Remake))
    await until(pilot, lambda: isinstance(app.screen, Remake) and app.screen._outline is not None)
    await pilot.press("L", "j", "L", "L")


async def logging(app: StudioApp, pilot: Pilot[str | None]) -> None:
    """What was said at a time of day that is the same whenever it is drawn."""
    pane = app.desk.log_pane
    pane.book = pane.rows._book = LogBook()
    for kind, words in (
        ("said", "The loop is on."),
        ("event", "Revision 4 counts from the next batch: caption +2 words, bpm 96 -> 104, duration 120 -> 150."),
        ("notice", "Waiting for the card: tail-lights has it."),
        ("error", "The engine has died. It is started again; what it was making is made anew."),
    ):
        pane.book.add(kind, words, "12:34:56")
    await pilot.press("f9", "f5", "shift+tab")
    pane.rows.sync()


def opening(key: str) -> Arrange:
    """What a cover or an extension is made with."""

    async def arrange(app: StudioApp, pilot: Pilot[str | None]) -> None:
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, Remake) and app.screen._outline is not None)

    return arrange


def telling(*keys: str) -> Arrange:
    """Once the studio has told of its models."""

    async def arrange(app: StudioApp, pilot: Pilot[str | None]) -> None:
        await pilot.press(*keys)
        await until(pilot, lambda: isinstance(app.screen, AsksModels) and bool(app.screen.told))

    return arrange


SCREENS: dict[str, Arrange] = {
    "desk": press(),
    "desk-selected": press("j", "m", "j", "m"),
    "large-take": press("j", "Z"),
    "log": logging,
    "lyrics": press("f3"),
    "metadata": press("f4"),
    "palette": press("colon", "p", "i", "n"),
    "question": filtering,
    "sequence": press("w"),
    "help": press("question_mark"),
    "history": press("f7"),
    "why": press("i"),
    "lineage": press("j", "T"),
    "repaint": repainting,
    "cover": opening("c"),
    "extend": opening("e"),
    "settings": press("f8"),
    "welcome": telling("w", "w"),
    "models": telling("w", "g"),
    "sessions": press("w", "s"),
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same person on every machine, who has nothing of their own but one other session."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATA", "STATE", "CONFIG"):
        monkeypatch.setenv(f"ACETUI_{name}", name.lower())
    for name in ("ACETUI_MODELS", "ACESTEP_CHECKPOINTS_DIR", "SSH_CONNECTION", "SSH_TTY", "TMUX", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    folder = session_path("tail-lights")
    (folder / "takes").mkdir(parents=True)
    (folder / "session.toml").write_text("[recipe]\n")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", SCREENS)
async def test_a_screen_is_drawn_as_it_was(screen: str, size: tuple[int, int]) -> None:
    styles, texts = {}, {}
    found = replace(AS_SHIPPED, settings=replace(AS_SHIPPED.settings, theme=THEMES[0]))
    async with pictured(size, found) as (app, pilot):
        await SCREENS[screen](app, pilot)
        for theme in THEMES:
            app.dressing.preview(shipped(theme))
            await pilot.pause()
            await settled(app, pilot)
            texts[theme], styles[theme] = text_of(app), styles_of(app)
    assert texts[THEMES[0]] == texts[THEMES[1]], "a theme changes colours alone"
    check(f"{screen}-{size[0]}x{size[1]}", texts[THEMES[0]], styles)
