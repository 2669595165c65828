"""The first run and the choice of a session: what is there is said, and one key makes a first take."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from acetui.open_studio import FIRST, _chosen
from acetui.recipe.examples import FIELDS, examples
from acetui.screens.session_choice import SessionChoice, SessionRows
from acetui.screens.welcome import Welcome
from acetui.session_list import known_sessions
from acetui.studio_state import Fetch
from acetui.welcome_words import welcome
from engine.tiers import TIERS
from sessions.places import remember, session_path
from tests.acetui.presses import presses
from tests.acetui.told_studio import BOX, ToldStudio, studio, until

CPU = {"device": "cpu", "name": "AMD EPYC 7R32", "tier": "tier1", "total_gb": 15.6, "cores": 2, "cards": 0}
WHOLE = {
    **BOX,
    "folder": "/m",
    "own": "/m",
    "sketch": False,
    "card": True,
    "missing": [],
    "bytes": 0,
    "music": ["acestep-v15-turbo"],
    "planners": ["acestep-5Hz-lm-1.7B"],
}
CARD = {"device": "cuda", "name": "NVIDIA GeForce RTX 4090", "tier": "tier6b", "total_gb": 23.6, "cards": 1}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of a person who has none yet."""
    for name in ("DATA", "STATE", "CONFIG"):
        monkeypatch.setenv(f"ACETUI_{name}", str(tmp_path / name.lower()))
    for name in ("ACETUI_MODELS", "ACESTEP_CHECKPOINTS_DIR", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def make_session(name: str, takes: int = 0, used: float | None = None) -> Path:
    folder = session_path(name)
    (folder / "takes").mkdir(parents=True)
    for number in range(takes):
        (folder / "takes" / f"{number:04}-x.json").write_text("{}")
    (folder / "session.toml").write_text("[recipe]\n")
    if used is not None:
        for path in (folder / "session.toml", folder / "takes"):
            os.utime(path, (used, used))
    return folder


def text_of(screen: Any) -> str:
    widget = screen.focused
    return "\n".join(widget.render_line(y).text.rstrip() for y in range(widget.size.height))


# --- what is said ----------------------------------------------------------------------------------------------------


def said(machine: dict[str, Any], told: dict[str, Any], env: dict[str, str] | None = None, **more: Any) -> str:
    paragraphs = welcome(machine, told, Path("/nowhere/my-jam"), env=env or {}, **more)
    return "\n".join(sentence for paragraph in paragraphs for sentence in paragraph.sentences)


def test_a_machine_without_a_card_and_without_models() -> None:
    words = said(CPU, BOX)
    assert "AMD EPYC 7R32, 2 cores, 16 GB; no graphics card." in words
    assert "Everything it makes is marked so." in words
    assert "This machine has room for acestep-v15-turbo, vae and Qwen3-Embedding-0.6B: 6.3 GB to download" in words
    assert "into /nowhere/models. Without a graphics card they are slow. m fetches them, and asks first." in words
    assert "Takes are FLAC files in /nowhere/my-jam/takes." in words


def test_a_card_says_what_its_tier_can_do() -> None:
    words = said(CARD, WHOLE)
    assert "RTX 4090, 24 GB." in words
    assert "Tier 6b: up to 8 takes at once with the official models, each up to 8:00." in words
    assert "The planner that fits is the 1.7B one." in words
    assert "acestep-v15-turbo; planner acestep-5Hz-lm-1.7B. They are in /m." in words
    assert "fetches them" not in words
    for tier in TIERS:
        assert f"Tier {tier.name.removeprefix('tier')}:" in said({**CARD, "tier": tier.name}, WHOLE)


def test_what_is_missing_or_not_known_is_said() -> None:
    assert "The studio is starting" in said({}, {})
    trouble = {**BOX, "trouble": {"error": "It is not there.", "hint": "Place it.", "field": None}}
    assert "It is not there. Place it." in said(CPU, trouble)
    assert "over ssh" in said(CPU, BOX, {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"})
    underway = Fetch("fetching", "vae", 1_000_000_000, 6_300_000_000)
    assert "1 GB of 6.3 GB of others have come; w g shows how far they are." in said(
        CPU, BOX, fetch=underway, keys="w g"
    )
    assert "Others have come; m takes them into use." in said(CPU, {**BOX, "use": {"dit": "acestep-v15-turbo"}})


async def test_in_the_smallest_terminal_the_welcome_still_says_what_to_press() -> None:
    async with studio(ToldStudio(), (60, 15)) as (app, pilot):
        await pilot.press("w", "w")
        await until(pilot, lambda: len(app.screen_stack) > 1)
        await pilot.pause()
        rows = text_of(app.screen).split("\n")
        assert "Enter makes a first take." in " ".join(rows[-2:])
        assert "? has every key." in " ".join(" ".join(rows[-2:]).split())


# --- which session ---------------------------------------------------------------------------------------------------


def test_an_empty_machine_gets_a_first_session_and_a_welcome(home: Path) -> None:
    assert _chosen(None) == (session_path(FIRST), "welcome")
    assert _chosen("blues") == (session_path("blues"), "welcome")
    blues = make_session("blues")
    assert _chosen("blues") == (blues, "")
    assert _chosen("other") == (session_path("other"), "")
    assert _chosen(None) == (blues, "sessions")
    remember(blues)
    assert _chosen(None) == (blues, "")


def test_sessions_are_listed_by_when_they_were_used(home: Path) -> None:
    make_session("old", takes=3, used=1000)
    make_session("new", takes=1, used=3000)
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "session.toml").write_text("[recipe]\n")
    os.utime(elsewhere / "session.toml", (2000, 2000))
    remember(elsewhere)
    known = known_sessions()
    assert [(each.folder.name, each.takes, each.used) for each in known] == [
        ("new", 1, 3000),
        ("elsewhere", 0, 2000),
        ("old", 3, 1000),
    ]
    assert [each.studio for each in known] == ["", "", ""]


@presses("sessions", "sessions-down", "sessions-up", "sessions-open")
async def test_another_session_is_chosen_from_the_list() -> None:
    make_session("old", takes=3, used=1000)
    new = make_session("new", takes=1, used=time.time() - 2.5 * 3600)
    async with studio(ToldStudio()) as (app, pilot):
        await pilot.press("w", "s")
        await until(pilot, lambda: isinstance(app.screen, SessionChoice) and "old" in text_of(app.screen))
        lines = text_of(app.screen).splitlines()
        assert lines[0].split() == ["new", "2", "h", "1", "take"]
        assert lines[1].split()[0] == "old"
        assert lines[1].split()[-2:] == ["3", "takes"]
        await pilot.press("down", "down", "up", "enter")
        await pilot.pause()
        assert app.next_session == new


@presses("sessions-new", "sessions-close")
async def test_a_new_session_is_named_and_a_bad_name_is_refused() -> None:
    async with studio(ToldStudio()) as (app, pilot):
        await pilot.press("w", "s")
        await until(pilot, lambda: isinstance(app.screen, SessionChoice))
        await until(pilot, lambda: "There is no session yet" in text_of(app.screen))
        await pilot.press("n", *".hidden", "enter")
        await pilot.pause()
        assert app.next_session is None
        await pilot.press("escape")
        assert isinstance(app.screen, SessionChoice)
        await pilot.press("n", *("backspace",) * 7, *"nowhere/blues", "enter")
        rows = app.screen.query_one(SessionRows)
        await until(pilot, lambda: "There is no folder" in rows.render_line(0).text)
        said = " ".join(rows.render_line(y).text.strip() for y in range(9)).strip()
        assert said.endswith("Make it first, or give a name."), "whole, however long the folder's name is"
        assert app.next_session is None
        await pilot.press("escape", "n", *("backspace",) * 13, *"blues", "enter")
        await pilot.pause()
        assert app.next_session == session_path("blues")


async def test_closing_the_list_goes_back_or_leaves_where_nothing_is_open() -> None:
    make_session("old")
    async with studio(ToldStudio()) as (app, pilot):
        await pilot.press("w", "s", "escape")
        await until(pilot, lambda: app.screen is app.desk)
    from acetui.app import StudioApp

    told = ToldStudio()
    app = StudioApp(session_path("old"), connect=told.connect, opens_with="sessions")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, SessionChoice))
        assert told.attached == 0, "no studio is started before a session is chosen"
        await pilot.press("escape")
        await pilot.pause()
    assert app.next_session is None
    assert not app.is_running


# --- the first take --------------------------------------------------------------------------------------------------


@presses("welcome", "welcome-close")
async def test_the_welcome_says_what_there_is_and_fits_a_small_terminal() -> None:
    told = ToldStudio()
    told.machine = CPU
    async with studio(told, (80, 24)) as (app, pilot):
        await pilot.press("w", "w")
        await until(pilot, lambda: isinstance(app.screen, Welcome) and "AMD EPYC" in text_of(app.screen))
        words = text_of(app.screen)
        for part in ("This machine", "Models", "Hearing", "Enter makes a first take."):
            assert part in words
        assert all(len(line) <= 80 for line in words.splitlines())
        told.tell("machine", **{**CPU, "name": "Another processor"})
        await until(pilot, lambda: "Another processor" in text_of(app.screen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.desk)
        assert told.asked == []


@presses("first-take")
async def test_enter_makes_a_first_take_of_an_example_for_the_model_in_the_box() -> None:
    class Applying(ToldStudio):
        """Makes a revision of what it is sent."""

        async def change_recipe(self, revision: int, **tables: Any) -> dict[str, Any]:
            answer = await super().change_recipe(revision, **tables)
            recipe = {name: value for name, value in tables["recipe"].items() if value is not None}
            self.revision, self.settings = answer["revision"], {"recipe": recipe}
            self.tell("recipe", revision=self.revision, changed="an example")
            return answer

    told = Applying()
    async with studio(told, opens_with="welcome") as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, Welcome))
        await pilot.press("enter")
        await until(pilot, lambda: ("render", None) in told.asked)
        assert app.screen is app.desk
        (_, (revision, tables)) = told.asked[0]
        assert revision == 1
        given = {name: value for name, value in tables["recipe"].items() if value is not None}
        assert given in [{name: each[name] for name in FIELDS if name in each} for each in examples(sketch=True)]
        await until(pilot, lambda: app.desk.key_bar.message.startswith("The first take is asked for: "))


async def test_a_recipe_that_is_there_is_rendered_as_it_is() -> None:
    told = ToldStudio()
    told.settings = {"recipe": {"caption": "slow jazz"}}
    async with studio(told, opens_with="welcome") as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, Welcome))
        await pilot.press("enter")
        await until(pilot, lambda: told.asked == [("render", None)])
        await until(pilot, lambda: "slow jazz" in app.desk.key_bar.message)


async def test_a_studio_that_starts_slowly_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from acetui.app import StudioApp

    told = ToldStudio()
    told.settings = {"recipe": {"caption": "slow jazz"}}
    told.there = False
    app = StudioApp(session_path("jam"), connect=told.connect, opens_with="welcome")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Welcome))
        await pilot.press("enter")
        await until(pilot, lambda: "The studio is starting" in app.desk.key_bar.message)
        assert told.asked == []
        told.there = True
        await until(pilot, lambda: told.asked == [("render", None)])
