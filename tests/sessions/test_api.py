"""The studio's HTTP, route by route, with the scripted double of the engine behind it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp.http_exceptions import LineTooLong

from sessions import uploads
from sessions.api import ROUTES
from sessions.api_listen import PAGES
from sessions.openapi import document
from tests.sessions.jamming import ROOT, state
from tests.sessions.studios import Api, on_api

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")


def test_the_session_says_everything_that_a_client_begins_with(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        now = await ask("GET", "/api/session")
        assert now["name"] == "jam"
        assert now["revision"]["number"] == 1
        assert now["revision"]["settings"]["recipe"]["caption"] == "Neon drive, slow"
        assert "caption" in now["revision"]["text"]
        loop = now["loop"]
        assert (loop["on"], loop["state"], loop["reason"], loop["made"]) == (False, "idle", "", 0)
        assert (loop["policy"], loop["ceiling"], loop["takes"], loop["takes_left"]) == ("mix", 50, None, None)
        assert now["progress"] is None or now["progress"]["stage"] == "load"
        assert now["started"][:19] <= now["now"][:19]
        assert now["takes"]["total"] == 0
        assert now["last_event"].startswith(ask.studio.life)

    on_api(tmp_path, act)


def test_a_line_that_is_too_long_is_told_of_in_one_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    http = logging.getLogger("sessions.api.http")
    http.error("Error handling request from %s", "", exc_info=LineTooLong(b"/api/rows?numbers=1,1", 8190))
    (told,) = caplog.records
    assert told.getMessage() == "A request was refused (400): Got more than 8190 bytes when reading."
    assert (told.levelname, told.exc_info) == ("WARNING", None)
    http.error("Unhandled", exc_info=ValueError("a fault of ours keeps its traceback"))
    assert caplog.records[1].exc_info


def test_the_document_and_the_router_are_one_table(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        described = await ask("GET", "/api/openapi.json")
        routed = {
            (route.method, str(route.resource.canonical))
            for route in ask.client.server.app.router.routes()  # type: ignore[union-attr]
            if route.resource
        }
        written = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
        assert routed - {("GET", path) for path in PAGES} == written == {(route.method, route.path) for route in ROUTES}
        assert described == document(ROUTES)
        assert len({each["operationId"] for path in described["paths"].values() for each in path.values()}) == len(
            ROUTES
        )

    on_api(tmp_path, act)


def test_the_document_in_words_names_every_route() -> None:
    words = (ROOT / "docs" / "api.md").read_text()
    named = {
        f"{method} {path}"
        for methods, path in re.findall(r"`([A-Z`, ]+) (/[a-z][^`?]*)", words)
        for method in re.findall("[A-Z]+", methods)
        for path in _spelled(path)
    }
    assert {f"{route.method} {route.path}" for route in ROUTES if route.method != "HEAD"} <= named


def _spelled(path: str) -> list[str]:
    """``/x/{a,b}`` is two paths."""
    if match := re.search(r"\{([a-z]+(?:,[a-z]+)+)\}", path):
        return [path.replace(match[0], word) for word in match[1].split(",")]
    return [path]


def test_every_reference_of_the_document_leads_somewhere() -> None:
    described = document(ROUTES)
    names = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                names.add(value["$ref"].removeprefix("#/components/schemas/"))
            for each in value.values():
                look(each)
        elif isinstance(value, list):
            for each in value:
                look(each)

    look(described)
    assert names <= described["components"]["schemas"].keys()


# --- the recipe -------------------------------------------------------------------------------------------------------


def test_a_change_of_the_recipe_is_a_revision_and_keeps_the_comments(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        file = ask.made.folder / "session.toml"
        answer = await ask("PATCH", "/api/recipe", {"revision": 1, "recipe": {"bpm": 104}, "loop": {"takes": 5}})
        assert answer["revision"] == 2
        assert "bpm auto -> 104" in answer["changed"]
        assert answer["settings"]["recipe"]["bpm"] == 104
        assert "# A session of acetui" in file.read_text()
        again = await ask("PATCH", "/api/recipe", {"recipe": {"bpm": None}}, headers={"If-Match": '"2"'})
        assert again["revision"] == 3
        assert "bpm" not in again["settings"]["recipe"]
        text = file.read_text().replace("Neon drive", "Slow rain")
        assert (await ask("PATCH", "/api/recipe", {"revision": 3, "text": text}))["revision"] == 4
        assert "Slow rain" in file.read_text()

    on_api(tmp_path, act)


def test_a_clash_has_both_versions_and_loses_neither(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask("PATCH", "/api/recipe", {"revision": 1, "recipe": {"bpm": 104}})
        clash = await ask("PATCH", "/api/recipe", {"revision": 1, "recipe": {"bpm": 90}}, status=412)
        assert "bpm = 104" in clash["theirs"]
        assert "bpm = 90" in clash["mine"]
        assert clash["revision"] == 2
        kept = ask.made.folder / "drafts" / "aside" / clash["kept"]
        assert kept.read_text() == clash["mine"]

    on_api(tmp_path, act)


WRONG_CHANGES: list[tuple[Any, int, str | None]] = [
    ({"recipe": {"bpm": 104}}, 428, "revision"),
    ({"revision": True, "recipe": {"bpm": 104}}, 400, "revision"),
    ({"revision": 1, "recipe": {"bpm": 9000}}, 400, "bpm"),
    ({"revision": 1, "recipe": {"captoin": "x"}}, 400, "captoin"),
    ({"revision": 1, "recipe": 3}, 400, "recipe"),
    ({"revision": 1, "loop": {"takes": 0}}, 400, "loop.takes"),
    ({"revision": 1}, 400, None),
    ({"revision": 1, "text": "[recipe", "recipe": {}}, 400, None),
    ({"revision": 1, "text": "[recipe]\nbpm = "}, 400, None),
    ({"revision": 1, "text": 4}, 400, "text"),
    ({"revision": 1, "nonsense": 4}, 400, "nonsense"),
    ({"revision": 77, "recipe": {"bpm": 90}}, 400, None),
]


def test_what_is_wrong_with_a_change_is_said(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        for body, status, field in WRONG_CHANGES:
            assert (await ask("PATCH", "/api/recipe", body, status=status))["field"] == field
        assert ask.studio.revisions.current.number == 1

    on_api(tmp_path, act)


PATHS: list[dict[str, Any]] = [
    {"recipe": {"src_audio": "/etc/passwd"}},
    {"recipe": {"reference_audio": "../x.wav"}},
    {"recipe": {"adapters": [{"path": "/tmp/a.safetensors", "scale": 1}]}},
    {"recipe": {"grid": {"src_audio": ["/etc/passwd"]}}},
    {"recipe": {"src_audio": "0" * 64}},
    {"models": {"models": "/etc"}},
    {"models": {"dit": "../../etc"}},
]


def test_paths_are_refused_wherever_they_stand(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        before = (ask.made.folder / "session.toml").read_text()
        for change in PATHS:
            await ask("PATCH", "/api/recipe", {"revision": 1, **change}, status=403)
            if "recipe" in change:
                await ask("POST", "/api/render", {"recipe": change["recipe"]}, status=403)
        assert (ask.made.folder / "session.toml").read_text() == before

    on_api(tmp_path, act)


def test_the_model_in_the_box_is_a_name_and_no_path(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        answer = await ask("PATCH", "/api/recipe", {"revision": 1, "models": {"models": "nano"}})
        assert answer["settings"]["models"]["models"] == "nano"
        options = ask.studio.revisions.current.settings.models.load_options(ask.made.folder)
        assert options["models"] == "nano"
        (ask.made.folder / "nano").mkdir()
        options = ask.studio.revisions.current.settings.models.load_options(ask.made.folder)
        assert options["models"] == str(ask.made.folder / "nano")
        await ask("PATCH", "/api/recipe", {"revision": 2, "models": {"models": None}})

    on_api(tmp_path, act)


def test_paths_that_a_person_wrote_into_the_file_stay(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        answer = await ask("PATCH", "/api/recipe", {"revision": 1, "recipe": {"bpm": 90}})
        assert answer["settings"]["models"]["models"] == "/srv/models"

    on_api(tmp_path, act, models={"models": "/srv/models"}, recipe={"src_audio": "/srv/song.wav", "caption": "x"})


def test_revisions_are_listed_with_what_they_changed(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        for number, bpm in ((1, 104), (2, 90)):
            await ask("PATCH", "/api/recipe", {"revision": number, "recipe": {"bpm": bpm}})
        found = await ask("GET", "/api/revisions")
        assert (found["total"], found["current"]) == (3, 3)
        assert [(each["number"], each["changed"]) for each in found["revisions"]] == [
            (3, "bpm 104 -> 90"),
            (2, "bpm auto -> 104"),
            (1, ""),
        ]
        assert all(re.fullmatch(r"20..-..-..T..:..:..\+00:00", each["when"]) for each in found["revisions"])
        assert [each["number"] for each in (await ask("GET", "/api/revisions?limit=1&offset=1"))["revisions"]] == [2]
        second = await ask("GET", "/api/revisions/2")
        assert (second["before"], second["changed"], second["settings"]["recipe"]["bpm"]) == (1, "bpm auto -> 104", 104)
        assert "bpm = 104" in second["text"]
        for number in ("0", "4", "two", "9" * 20):
            await ask("GET", f"/api/revisions/{number}", status=404)

    on_api(tmp_path, act)


def test_a_revision_that_is_damaged_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        for number, bpm in ((1, 104), (2, 90), (3, 80)):
            await ask("PATCH", "/api/recipe", {"revision": number, "recipe": {"bpm": bpm}})
        folder = ask.made.folder / "revisions"
        (folder / "0002.toml").write_text("[recipe")
        (folder / "0001.toml").unlink()
        found = (await ask("GET", "/api/revisions"))["revisions"]
        assert [(each["number"], each["readable"], each["changed"]) for each in found] == [
            (4, True, "bpm 90 -> 80"),
            (3, True, ""),
            (2, False, ""),
        ]
        assert "cannot be read" in (await ask("GET", "/api/revisions/2", status=409))["error"]
        (folder / "0002.toml").write_text("[recipe]\nbpm = 70\n")
        assert "bpm 70 -> 90" in (await ask("GET", "/api/revisions/3"))["changed"]

    on_api(tmp_path, act)


# --- loop and renders -------------------------------------------------------------------------------------------------


def test_the_loop_is_turned_on_and_off(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        assert (await ask("POST", "/api/loop", {"action": "on", "takes": 3}))["on"]
        await ask.until(lambda: ask.studio.loop.run is None)
        assert (await ask("GET", "/api/takes"))["total"] == 3
        await ask("POST", "/api/loop", {"action": "on", "headless": True})
        await ask.until(lambda: ask.studio.loop.run and len(ask.studio.loop.run.made) > 3)
        await ask("POST", "/api/loop", {"action": "skip"})
        await ask("POST", "/api/loop", {"action": "off"})
        await ask.until(lambda: ask.studio.loop.run is None)
        for action in ("stop-after", "stop-now"):
            assert not (await ask("POST", "/api/loop", {"action": action}))["on"]

    on_api(tmp_path, act, plan={"step_seconds": 0.005})


def test_nonsense_for_the_loop_is_refused(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        more: list[Any] = [{"action": "off", "takes": 3}, {"action": "on", "takes": -1}, {"action": "on", "x": 1}]
        for body in ({}, {"action": "dance"}, {"action": ["on"]}, *more):
            await ask("POST", "/api/loop", body, status=400)
        assert ask.studio.loop.run is None

    on_api(tmp_path, act)


def test_a_render_goes_before_the_loop(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask("POST", "/api/loop", {"action": "on", "headless": True})
        await ask.until(lambda: ask.made.held)
        asked = asyncio.create_task(
            ask("POST", "/api/render", {"recipe": {"bpm": 77, "seeds": [5, 6], "batch_size": 2}, "wait": True})
        )
        await asyncio.sleep(0.1)
        ask.made.release()
        takes = (await asked)["takes"]
        assert [(take["seed"], take["request"]["bpm"]) for take in takes] == [(5, 77), (6, 77)]
        assert ask.studio.revisions.current.settings.recipe.template.get("bpm") is None
        await ask("POST", "/api/loop", {"action": "stop-now"})

    on_api(tmp_path, act, plan={"faults": [{"stage": "sampling", "do": "hold"}]})


def test_a_render_that_cannot_be_is_refused_at_once(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        for recipe in ({"bpm": 9000}, {"audio_codes": [1, 2]}, {"nonsense": 1}):
            await ask("POST", "/api/render", {"recipe": recipe}, status=400)
        await ask("POST", "/api/render", {"recipe": []}, status=400)
        await ask("POST", "/api/render", {"wait": "yes"}, status=400)
        assert await ask("POST", "/api/render", {}, status=202) == {"accepted": True}
        await ask.until(lambda: ask.studio.idle)
        assert (await ask("GET", "/api/takes"))["total"] == 1

    on_api(tmp_path, act)


def test_a_render_that_fails_says_why(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        answer = await ask("POST", "/api/render", {"wait": True}, status=507)
        assert "silent" in answer["error"]

    on_api(tmp_path, act, plan={"faults": [{"stage": "sampling", "do": "fail", "times": -1}]})


def test_sources_are_kept_by_their_hash_and_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads.receive, "__defaults__", (100_000,))

    async def act(ask: Api) -> None:
        content = bytes(range(256)) * 300
        answer = await ask("POST", "/api/sources?name=../../song.WAV", data=content, status=201)
        assert answer["hash"] == hashlib.sha256(content).hexdigest()
        assert (ask.made.folder / "sources" / f"{answer['hash']}.wav").read_bytes() == content
        await ask("POST", "/api/sources", data=bytes(100_001), status=413)
        await ask("POST", "/api/sources", data=b"", status=400)
        assert len(list((ask.made.folder / "sources").iterdir())) == 1
        changed = await ask("PATCH", "/api/recipe", {"revision": 1, "recipe": {"src_audio": answer["hash"]}})
        assert changed["revision"] == 2

    on_api(tmp_path, act)


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_drafts_are_kept_as_they_are_typed(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        typed = {"revision": 1, "typed": {"caption": "half a wor"}}
        assert (await ask("PUT", "/api/drafts/tty1", typed))["typed"] == typed["typed"]
        assert [draft["terminal"] for draft in (await ask("GET", "/api/drafts"))["drafts"]] == ["tty1"]
        assert ask.studio.revisions.current.number == 1
        await ask("PUT", "/api/drafts/tty1", {"revision": 1})
        assert (await ask("GET", "/api/drafts"))["drafts"] == []
        await ask("PUT", "/api/drafts/..%2f..%2fx", typed, status=400)
        await ask("PUT", "/api/drafts/tty1", {"revision": 1, "typed": {"caption": 3}}, status=400)

    on_api(tmp_path, act)


def test_what_is_not_there_is_json_too(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask("GET", "/listen/nothing", status=404)
        await ask("GET", "/api/nothing", status=404)
        await ask("DELETE", "/api/session", status=405)
        await ask("POST", "/api/loop", data=b"{", status=400)
        await ask("POST", "/api/loop", data=b"[" * 100_000, status=400)
        await ask("POST", "/api/loop", data=b"[1]", status=400)
        await ask("POST", "/api/loop", data=b'{"action": NaN}', status=400)
        await ask("POST", "/api/loop", data=b" " * (2**20 + 1), status=413)

    on_api(tmp_path, act)


def test_a_bug_is_a_calm_500(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(ask: Api) -> None:
        monkeypatch.setattr(ask.studio.store, "query", lambda *given: 1 / 0)
        assert "unexpectedly" in (await ask("GET", "/api/takes", status=500))["error"]

    on_api(tmp_path, act)
