"""The models of the machine over HTTP: what is told, and downloads from a real small hub that go on, stop and fail."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.allowance import allowance
from engine.checkpoints import find_models
from engine.hub.catalogue import TEXT
from engine.nano import FOLDER, NAME
from sessions import model_shelf
from sessions.events import EventLog
from sessions.fetching import Fetching
from sessions.tables import ModelSettings
from tests.engine.hub.hub_double import Hub, Whims, small_hub
from tests.sessions.jamming import run
from tests.sessions.studios import Api, on_api

WEIGHTS = "diffusion_pytorch_model.safetensors"
SET = ["acestep-v15-turbo", "vae", TEXT.name]
NANO = {"name": "nano-turbo", "sketch": True}


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DATA", "STATE"):
        monkeypatch.setenv(f"ACETUI_{name}", str(tmp_path / name.lower()))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    for name in ("ACETUI_MODELS", "ACESTEP_CHECKPOINTS_DIR", "ACESTEP_PROJECT_ROOT", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "data" / "models"


@pytest.fixture
def published(tiny_turbo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with small_hub(tiny_turbo) as state:
        monkeypatch.setenv("HF_ENDPOINT", state.url)
        yield state


async def settled(asked: Api) -> dict[str, Any]:
    """How the download ended."""
    fetching = asked.studio.fetching
    await asked.until(lambda: not fetching.busy)
    now = fetching.now()
    assert now is not None
    return dict(now)


# --- what is told ----------------------------------------------------------------------------------------------------


def test_what_is_wanted_where_there_is_only_the_box(tmp_path: Path, own_folders: Path, published: Hub) -> None:
    async def act(asked: Api) -> None:
        told = await asked("GET", "/api/models")
        assert (told["sketch"], told["folder"], told["own"]) == (True, str(FOLDER), str(own_folders))
        assert [each["name"] for each in told["wanted"]] == told["missing"] == SET
        assert told["bytes"] == sum(each["bytes"] for each in told["wanted"]) > 6e9
        assert told["free_bytes"] > 0
        assert (told["hub"], told["use"], told["fetching"]) == (published.url, None, None)

    on_api(tmp_path, act)
    assert published.asked == [], "telling asks nobody"


def test_a_folder_that_is_named_and_not_there(tmp_path: Path) -> None:
    async def act(asked: Api) -> None:
        told = await asked("GET", "/api/models")
        assert "which is not a folder" in told["trouble"]["error"]
        assert (told["folder"], told["music"]) == (None, [])

    on_api(tmp_path, act, models={"models": str(tmp_path / "nowhere")})


def test_another_music_model_that_was_chosen_is_left_alone(own_folders: Path, tiny_turbo: Path) -> None:
    own_folders.mkdir(parents=True)
    for folder in tiny_turbo.iterdir():
        name = TEXT.name if folder.name.startswith("Qwen3") else folder.name.replace("-turbo", "-mine")
        (own_folders / name).symlink_to(folder)
    shelf = model_shelf.look(allowance("cpu", 16.0))
    assert [each.model.name for each in shelf.wanted if not each.here] == ["acestep-v15-turbo"]
    assert shelf.missing == ()
    assert shelf.names("music") == ["acestep-v15-mine"]


def test_what_a_session_changes_to_use_what_has_come(own_folders: Path, tiny_turbo: Path) -> None:
    box = model_shelf.look(allowance("cpu", 16.0), NAME)
    assert model_shelf.changes(box, ModelSettings(models=NAME)) == {}, "nothing has come"
    own_folders.mkdir(parents=True)
    for folder in tiny_turbo.iterdir():
        (own_folders / (TEXT.name if folder.name.startswith("Qwen3") else folder.name)).symlink_to(folder)
    box = model_shelf.look(allowance("cpu", 16.0), NAME)
    assert model_shelf.changes(box, ModelSettings(models=NAME, dit="acestep-v15-nano")) == {
        "models": None,
        "dit": "acestep-v15-turbo",
    }
    assert model_shelf.changes(box, ModelSettings(models=NAME), {"ACETUI_MODELS": NAME}) == {}
    usual = model_shelf.look(allowance("cpu", 16.0))
    assert model_shelf.changes(usual, ModelSettings()) == {"dit": "acestep-v15-turbo"}
    assert model_shelf.changes(usual, ModelSettings(dit="acestep-v15-turbo")) == {}


# --- downloads -------------------------------------------------------------------------------------------------------


def test_a_set_is_fetched_and_then_rendered_with(tmp_path: Path, own_folders: Path, published: Hub) -> None:
    async def act(asked: Api) -> None:
        first = (await asked("GET", "/api/models"))["missing"]
        begun = await asked("POST", "/api/models", {"names": first}, status=202)
        assert begun["fetching"]["state"] == "fetching"
        assert (await asked("POST", "/api/models", {"names": first}, status=409))["error"].startswith("Models are on")
        assert not asked.studio.idle
        ended = await settled(asked)
        assert (ended["state"], ended["error"], ended["names"]) == ("done", None, SET)
        assert ended["done"] == ended["total"] > 0
        (latest,) = [event.data for event in asked.studio.events.after(0) if event.event == "models"]
        assert latest == ended, "only the latest is worth having"
        told = await asked("GET", "/api/models")
        assert (told["sketch"], told["missing"], told["use"]) == (False, [], {"dit": "acestep-v15-turbo"})
        assert (await asked("GET", "/api/session"))["fetching"]["state"] == "done"
        await asked("PATCH", "/api/recipe", {"revision": 1, "models": told["use"]})
        assert (await asked("GET", "/api/models"))["use"] is None
        assert asked.studio.engine.models["dit"] == "acestep-v15-turbo"

    on_api(tmp_path, act)
    assert (own_folders / "acestep-v15-turbo" / "model.safetensors").is_file()


def test_while_a_set_is_on_its_way_the_box_still_renders(tmp_path: Path, own_folders: Path, published: Hub) -> None:
    published.whims["model.safetensors"] = Whims(slow=0.05, piece=1 << 14)

    async def act(asked: Api) -> None:
        await asked("POST", "/api/models", {"names": SET}, status=202)
        await asked.until(lambda: (own_folders / "vae").is_dir())
        assert find_models() == FOLDER
        told = await asked("GET", "/api/models")
        assert (told["sketch"], told["missing"]) == (True, ["acestep-v15-turbo", TEXT.name])
        stopped = await asked("DELETE", "/api/models")
        assert stopped["fetching"]["state"] == "stopped"
        assert find_models() == FOLDER
        published.whims.clear()
        await asked("POST", "/api/models", {"names": SET}, status=202)
        assert (await settled(asked))["state"] == "done"
        assert find_models() == own_folders
        assert published.sent(WEIGHTS) == [0], "what is there is not sent again"

    on_api(tmp_path, act)


def test_a_download_that_is_stopped_goes_on_where_it_ended(tmp_path: Path, own_folders: Path, published: Hub) -> None:
    published.whims[WEIGHTS] = Whims(slow=0.02, piece=1 << 18)
    part = own_folders / ".arriving" / "vae" / WEIGHTS

    async def act(asked: Api) -> None:
        await asked("POST", "/api/models", {"names": ["vae"]}, status=202)
        await asked.until(lambda: part.exists() and part.stat().st_size > 1 << 19)
        await asked("DELETE", "/api/models")
        await asked("DELETE", "/api/models")  # once more is no error
        kept = part.stat().st_size
        arrived = {each["name"]: each["arrived"] for each in (await asked("GET", "/api/models"))["wanted"]}
        assert arrived["vae"] >= kept
        del published.whims[WEIGHTS]
        await asked("POST", "/api/models", {"names": ["vae"]}, status=202)
        assert (await settled(asked))["state"] == "done"
        assert published.sent(WEIGHTS) == [0, kept]

    on_api(tmp_path, act)


def test_what_goes_wrong_is_told_in_words(tmp_path: Path, published: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    published.whims[WEIGHTS] = Whims(damaged=2)

    async def act(asked: Api) -> None:
        await asked("POST", "/api/models", {"names": ["vae"]}, status=202)
        ended = await settled(asked)
        assert (ended["state"], "arrived damaged twice" in ended["error"]["error"]) == ("failed", True)
        assert ended["error"]["hint"]
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        await asked("POST", "/api/models", {"names": ["vae"]}, status=202)
        assert (await settled(asked))["error"]["error"] == "HF_HUB_OFFLINE is set, so nothing is downloaded."
        monkeypatch.setattr(model_shelf, "free_bytes", lambda _: 10**9)
        refused = await asked("POST", "/api/models", {"names": SET}, status=409)
        assert refused["error"].startswith("The models need 6.3 GB, and the disk of ")

    on_api(tmp_path, act)


@pytest.mark.parametrize("names", [None, [], "vae", [3], ["gpt"], ["vae"] * 21])
def test_only_models_that_are_published_are_fetched(tmp_path: Path, names: Any) -> None:
    async def act(asked: Api) -> None:
        refused = await asked("POST", "/api/models", {} if names is None else {"names": names}, status=400)
        assert refused["field"] == "names"

    on_api(tmp_path, act)


def test_a_program_that_dies_or_cannot_be_started_is_told(tmp_path: Path) -> None:
    async def ended(*command: str) -> dict[str, Any]:
        fetching = Fetching(EventLog(), command)
        fetching.begin([], tmp_path)
        while fetching.busy:
            await asyncio.sleep(0.01)
        return dict(fetching.now() or {})

    died = run(ended(sys.executable, "-c", "import sys; sys.exit(7)"))
    assert died["error"]["error"] == "The download has ended without a word."
    odd = run(ended(sys.executable, "-c", f"print({json.dumps('no json')!r})"))
    assert odd["state"] == "failed"
    assert "could not be run" in run(ended(str(tmp_path / "nothing")))["error"]["error"]
