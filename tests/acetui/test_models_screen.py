"""The models in the terminal: what is offered, with its size and its place; fetched, stopped and used with a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from acetui.looks.signs import ASCII, BLOCKS, Looks
from acetui.model_words import first_step, model_lines, offer
from acetui.screens.models import ModelsScreen
from acetui.screens.welcome import Welcome
from acetui.studio_state import Fetch, StudioState, happened
from engine.hub.catalogue import TEXT
from tests.acetui.presses import presses
from tests.acetui.real_desk import real_desk
from tests.acetui.told_studio import BOX, ToldStudio, studio, until
from tests.engine.hub.hub_double import Hub, Whims, small_hub
from tests.sessions.jamming import state

__all__ = ["state"]

PLAIN = Looks(ASCII, BLOCKS)
SET = ["acestep-v15-turbo", "vae", TEXT.name]
READY = {**BOX, "missing": [], "bytes": 0, "use": {"dit": "acestep-v15-turbo"}}


def text_of(screen: Any) -> str:
    widget = screen.focused
    return "\n".join(widget.render_line(y).text.rstrip() for y in range(widget.size.height))


def words(told: dict[str, Any], fetch: Fetch | None = None, now: float = 0.0, width: int = 100) -> str:
    return "\n".join(text for text, _ in model_lines(told, fetch, now, width, PLAIN))


# --- what is said ----------------------------------------------------------------------------------------------------


def test_size_and_place_are_said_before_anything_is_downloaded() -> None:
    told = words(BOX)
    assert "Enter downloads 6.3 GB from https://hub.example into /nowhere/models, where 120 GB are free." in told
    assert "Nothing is downloaded before that." in told
    assert "Without a graphics card these are slow" in told
    assert "slow" not in words({**BOX, "card": True})
    assert first_step(BOX, None) == "fetch"
    assert all(len(line) <= 60 for line in words(BOX, width=60).splitlines() if not line.startswith("  "))


def test_what_is_elsewhere_is_linked_and_what_has_arrived_counts() -> None:
    wanted = [{**each, "elsewhere": f"/theirs/{each['name']}"} for each in BOX["wanted"]]
    told = {**BOX, "wanted": wanted, "bytes": 0}
    assert "used in place, from /theirs/vae" in words(told)
    assert "Enter puts links to them into /nowhere/models; nothing is downloaded." in words(told)
    assert offer(told).endswith("are on this machine already, and can be used in place.")
    begun = [{**BOX["wanted"][0], "arrived": 1_200_000_000}]
    assert "1.2 GB of it have arrived" in words({**BOX, "wanted": begun})


def test_how_far_it_is_and_what_is_next() -> None:
    fetch = Fetch("fetching", "vae", 1_300_000_000, 6_300_000_000, since=10.0, had=300_000_000)
    assert "|####................| 1.3 GB of 6.3 GB, 80-125 s left" not in words(BOX, fetch, 11.0), "too early to tell"
    told = words(BOX, fetch, 30.0)
    assert "|####................| 1.3 GB of 6.3 GB, 1-2 min left" in told
    assert "vae is on its way." in told
    assert first_step(BOX, fetch) == ""
    failed = Fetch("failed", trouble="The hub cannot be reached. Check the network.")
    assert "The hub cannot be reached. Check the network." in words(BOX, failed)
    assert first_step(BOX, failed) == "fetch"
    assert "Enter renders with them from the next batch on" in words(READY)
    assert first_step(READY, None) == "use"
    assert "All of it is here." in words({**READY, "use": None})
    assert first_step({**READY, "use": None}, None) == first_step({}, None) == ""
    assert words({}) == "The studio is asked."


def test_the_state_knows_how_long_it_will_take() -> None:
    told = {"event": "models", "state": "fetching", "model": "vae", "done": 100, "total": 1100, "error": None}
    now = happened(StudioState("jam"), told, 5.0)
    assert now.fetch == Fetch("fetching", "vae", 100, 1100, since=5.0, had=100)
    assert now.fetch.left(5.5) is None
    now = happened(now, {**told, "done": 600}, 10.0)
    assert now.fetch is not None
    assert now.fetch.left(10.0) == pytest.approx((4.0, 6.25))
    now = happened(now, {**told, "state": "failed", "error": {"error": "No.", "hint": "Try."}}, 11.0)
    assert now.fetch is not None
    assert (now.fetch.state, now.fetch.trouble) == ("failed", "No. Try.")


# --- with keys -------------------------------------------------------------------------------------------------------


@presses("welcome-models", "models-go", "models-stop", "models-close")
async def test_the_welcome_offers_what_fits_and_one_key_fetches_it() -> None:
    told = ToldStudio()
    async with studio(told, (80, 24), opens_with="welcome") as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, Welcome) and "6.3 GB to download" in text_of(app.screen))
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, ModelsScreen) and "Enter downloads" in text_of(app.screen))
        assert told.asked == []
        await pilot.press("enter")
        await until(pilot, lambda: told.asked == [("fetch_models", SET)])
        going = {"state": "fetching", "model": "vae", "file": "x", "error": None, "total": 6_300_000_000}
        told.tell("models", **going, done=3_150_000_000)
        await until(pilot, lambda: "3.1 GB of 6.3 GB" in text_of(app.screen) or "3.2 GB" in text_of(app.screen))
        await pilot.press("enter")
        await pilot.press("x")
        await until(pilot, lambda: told.asked[1:] == [("stop_fetching", None)])
        await pilot.press("escape", "escape")
        await until(pilot, lambda: app.screen is app.desk)
        assert "models 50%" in app.desk.status.text
        told.tell("models", **{**going, "state": "stopped"}, done=3_150_000_000)
        await until(pilot, lambda: "models" not in app.desk.status.text)


@presses("models")
async def test_what_has_come_is_used_with_one_key() -> None:
    told = ToldStudio()
    async with studio(told) as (app, pilot):
        done = {"state": "done", "model": "vae", "file": None, "error": None, "done": 5, "total": 5}
        told.tell("models", **done)
        await until(pilot, lambda: app.desk.key_bar.message == "The models have come: w g has what is next.")
        told.models_now = READY
        await pilot.press("w", "g")
        await until(pilot, lambda: isinstance(app.screen, ModelsScreen) and "Enter renders" in text_of(app.screen))
        await pilot.press("enter")
        await until(pilot, lambda: told.asked == [("change_recipe", (1, {"models": {"dit": "acestep-v15-turbo"}}))])
        assert "acestep-v15-turbo renders from the next batch on." in app.screen.note.text  # type: ignore[attr-defined]


async def test_what_goes_wrong_is_said_wherever_one_is() -> None:
    told = ToldStudio()
    async with studio(told) as (app, pilot):
        error = {"error": "The disk is full.", "hint": "Make room."}
        told.tell("models", state="failed", model=None, file=None, done=1, total=5, error=error)
        await until(pilot, lambda: app.desk.key_bar.message == "The disk is full. Make room.")


async def test_the_models_of_another_machine_are_said_to_be_there() -> None:
    told = ToldStudio()
    async with studio(told, elsewhere=SimpleNamespace(host="me@box", shares=True)) as (app, pilot):
        await pilot.press("w", "g")
        await until(pilot, lambda: isinstance(app.screen, ModelsScreen))
        heading = app.screen.query_one("Heading").render_line(0).text  # type: ignore[attr-defined]
        assert "models of me@box" in heading


# --- for real --------------------------------------------------------------------------------------------------------


@pytest.fixture
def published(tiny_turbo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for name in ("ACETUI_MODELS", "ACESTEP_CHECKPOINTS_DIR", "ACESTEP_PROJECT_ROOT", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ACETUI_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    with small_hub(tiny_turbo) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.mark.usefixtures("state")
async def test_a_set_comes_from_a_hub_is_stopped_goes_on_and_renders(tmp_path: Path, published: Hub) -> None:
    published.whims["model.safetensors"] = Whims(slow=0.05, piece=1 << 14)
    own = tmp_path / "data" / "models"
    async with real_desk(tmp_path, (80, 24), takes=1) as (app, pilot, real):
        await pilot.press("w", "g")
        await until(pilot, lambda: isinstance(app.screen, ModelsScreen) and "Enter downloads" in text_of(app.screen))
        assert str(own) in text_of(app.screen).replace("\n ", "")
        assert published.asked == []
        await pilot.press("enter")
        await until(pilot, lambda: (own / "vae").is_dir() and "x stops it" in text_of(app.screen))
        await pilot.press("x")
        await until(pilot, lambda: app.state.fetch is not None and app.state.fetch.state == "stopped")
        published.whims.clear()
        await until(pilot, lambda: "Enter downloads" in text_of(app.screen))
        await pilot.press("enter")
        await until(pilot, lambda: "Enter renders with them" in text_of(app.screen))
        await pilot.press("enter")
        await until(pilot, lambda: real.studio.engine.models["dit"] == SET[0])
        await until(pilot, lambda: "All of it is here." in text_of(app.screen))
        assert {each.name for each in own.iterdir() if not each.name.startswith(".")} == set(SET)
