"""Takes made from a take over HTTP: what is asked of the engine, what the child knows, and what is refused when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sessions import derived
from tests.sessions.jamming import state
from tests.sessions.studios import Api, on_api

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")

ASKED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "repaint": (
        {"repainting_start": 2.5, "repainting_end": 6, "repaint_mode": "conservative", "caption": "new"},
        {"task_type": "repaint", "repainting_start": 2.5, "repainting_end": 6.0, "caption": "new"},
    ),
    "cover": (
        {"caption": "as a waltz", "task_type": "cover-nofsq", "audio_cover_strength": 0.4},
        {"task_type": "cover-nofsq", "audio_cover_strength": 0.4, "caption": "as a waltz"},
    ),
    "extend": (
        {"seconds": 12, "overlap": 2},
        {"task_type": "repaint", "repainting_start": 8.0, "repainting_end": 22.0, "caption": "Neon drive, slow"},
    ),
    "stitch": (
        {"with": 2, "gap": 1},
        {"task_type": "repaint", "repainting_start": 8.0, "repainting_end": 13.0, "next_gap": 1.0},
    ),
    "extract": ({"track": "vocals"}, {"task_type": "extract", "track": "vocals"}),
    "lego": ({"track": "bass", "repainting_start": 1, "repainting_end": 4}, {"task_type": "lego", "track": "bass"}),
    "complete": ({"tracks": ["drums", "bass"]}, {"task_type": "complete", "tracks": ["drums", "bass"]}),
}


@pytest.mark.parametrize("name", ASKED)
def test_a_child_knows_its_parent_and_what_was_done(tmp_path: Path, name: str) -> None:
    body, asked = ASKED[name]

    async def act(ask: Api) -> None:
        second, first = sorted(await ask.takes(2), key=lambda take: -take["number"])
        made = (await ask("POST", f"/api/takes/1/{name}", {**body, "takes": 2, "wait": True}))["takes"]
        assert [(take["parent"], take["operation"]) for take in made] == [(first["id"], name)] * 2
        assert {take["revision"] for take in made} == {first["revision"]}
        assert len({take["seed"] for take in made} | {first["seed"]}) == 3
        folder, given = ask.made.folder, ask.made.requests()[-1]
        assert asked.items() <= given.items()
        # The engine is given files, the take remembers the take; its latents go without saying.
        assert given["src_audio"] == str(folder / first["files"]["audio"])
        assert given["src_latents"] == str(folder / first["files"]["latents"])
        kept = made[0]["request"]
        assert (kept["src_audio"], kept["src_latents"]) == (f"take:{first['id']}", None)
        if name == "stitch":
            assert given["next_latents"] == str(folder / second["files"]["latents"])
            assert (kept["next_audio"], kept["next_latents"]) == (f"take:{second['id']}", None)
        again = (await ask("POST", f"/api/takes/{made[0]['number']}/sibling", {"wait": True}))["takes"][0]
        assert again["request"]["src_audio"] == kept["src_audio"]

    on_api(tmp_path, act)


def test_a_crop_is_cut_once(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        (parent,) = await ask.takes(1)
        body = {"crop_start": 2, "crop_end": 8, "fade_out": 1, "wait": True}
        (made,) = (await ask("POST", "/api/takes/1/crop", body))["takes"]
        assert (made["parent"], made["operation"], made["name"]) == (parent["id"], "crop", parent["name"])
        given = ask.made.requests()[-1]
        assert {"task_type": "crop", "crop_start": 2.0, "crop_end": 8.0, "fade_out": 1.0}.items() <= given.items()
        for near in ("sibling", "finish"):
            refusal = await ask("POST", f"/api/takes/{made['number']}/{near}", {}, status=409)
            assert "cut out of another" in refusal["error"]

    on_api(tmp_path, act)


def test_a_child_is_called_as_its_parent_unless_other_words_are_written(tmp_path: Path) -> None:
    """In the list, in the name of its file and in the title inside it."""
    planned = "house music, synth stabs, four on the floor drums"

    async def act(ask: Api) -> None:
        (first,) = await ask.takes(1)
        assert (first["name"], ask.made.titles()) == ("neon drive", [""])  # after what was typed, by the engine
        names = []
        for name, body in (
            ("repaint", {"repainting_start": 2, "repainting_end": 6}),
            ("cover", {"caption": "As a Waltz, slowly"}),
            ("sibling", {}),
        ):
            (made,) = (await ask("POST", f"/api/takes/1/{name}", {**body, "wait": True}))["takes"]
            assert made["files"]["audio"].startswith(f"takes/{made['number']:04}-{made['name'].replace(' ', '-')}-")
            names.append(made["name"])
        assert ask.made.requests()[1]["caption"] == planned  # what it is rendered with
        await ask("PATCH", "/api/takes/1", {"name": "The One!"})
        (made,) = (await ask("POST", "/api/takes/1/extend", {"wait": True}))["takes"]
        assert made["files"]["audio"].startswith("takes/0005-the-one-")
        assert [*names, made["name"]] == ask.made.titles()[1:] == ["neon drive", "as a waltz", "neon drive", "The One!"]

    on_api(tmp_path, act, plan={"planned": {"cot_caption": planned}})


REFUSED: list[tuple[str, dict[str, Any], str | None]] = [
    ("repaint", {}, "repainting_start"),
    ("repaint", {"repainting_start": 11, "repainting_end": 12}, "repainting_start"),
    ("repaint", {"repainting_start": 2, "repainting_end": 1}, "repainting_end"),
    ("repaint", {"repainting_start": "soon"}, "repainting_start"),
    ("repaint", {"repainting_start": 1, "takes": 0}, "takes"),
    ("repaint", {"repainting_start": 1, "takes": 9}, "takes"),
    ("repaint", {"repainting_start": 1, "wait": 1}, "wait"),
    ("repaint", {"repainting_start": 1, "src_audio": "/etc/passwd"}, "src_audio"),
    ("repaint", {"repainting_start": 1, "task_type": "cover"}, "task_type"),
    ("cover", {"task_type": "repaint"}, "task_type"),
    ("cover", {"caption": " "}, "caption"),
    ("extend", {"seconds": 0}, "seconds"),
    ("extend", {"seconds": 595}, "repainting_end"),
    ("extend", {"side": "both"}, "side"),
    ("extend", {"overlap": -1}, "overlap"),
    ("stitch", {}, "with"),
    ("stitch", {"with": True}, "with"),
    ("stitch", {"with": 1, "gap": 0, "overlap": 0}, "overlap"),
    ("join", {"with": []}, "with"),
    ("join", {"with": [1]}, "with"),
    ("crop", {}, "crop_start"),
    ("crop", {"crop_start": 9.5}, "crop_end"),
    ("crop", {"crop_end": 40}, "crop_end"),
    ("crop", {"crop_end": 10}, "crop_start"),
    ("crop", {"crop_start": 1, "takes": 2}, "takes"),
    ("extend", {"seconds": 900}, "seconds"),
    ("crop", {"crop_start": 1, "caption": "x"}, "caption"),
    ("extract", {}, "track"),
    ("lego", {"track": "kazoo"}, "track"),
    ("complete", {"tracks": []}, "tracks"),
]


def test_what_makes_no_sense_is_refused_at_once(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(1)
        for name, body, field in REFUSED:
            refusal = await ask("POST", f"/api/takes/1/{name}", body, status=400)
            assert refusal["field"] == field, (name, body, refusal)
        await ask("POST", "/api/takes/1/stitch", {"with": 99}, status=404)
        await ask("POST", "/api/takes/99/repaint", {"repainting_start": 1}, status=404)
        for source in ("/etc/passwd", "song.flac"):
            body = {"repainting_start": 1, "reference_audio": source}
            assert "source" in (await ask("POST", "/api/takes/1/repaint", body, status=403))["error"]
        await ask("POST", "/api/takes/1/repaint", {"repainting_start": 1, "reference_audio": "take:9"}, status=404)
        assert (await ask("GET", "/api/takes"))["total"] == 1

    on_api(tmp_path, act)


def test_every_operation_is_described(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        paths = (await ask("GET", "/api/openapi.json"))["paths"]
        for name in derived.OPERATIONS:
            route = paths[f"/api/takes/{{id}}/{name}"]["post"]
            properties = route["requestBody"]["content"]["application/json"]["schema"]["properties"]
            assert {"wait", *derived.FIELDS_OF[name]} <= properties.keys()
            assert ("takes" in properties) == (name != "crop")
            assert {"200", "202"} <= route["responses"].keys()

    on_api(tmp_path, act)


def test_a_take_whose_audio_is_gone_is_worked_on_by_its_latents(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        (take,) = await ask.takes(1)
        (ask.made.folder / take["files"]["audio"]).unlink()
        await ask("POST", "/api/takes/1/repaint", {"repainting_start": 1, "wait": True})
        assert ask.made.requests()[-1]["src_audio"] == str(ask.made.folder / take["files"]["latents"])
        (ask.made.folder / take["files"]["latents"]).unlink()
        refusal = await ask("POST", "/api/takes/1/repaint", {"repainting_start": 1, "wait": True}, status=404)
        assert "gone" in refusal["error"]

    on_api(tmp_path, act)


def test_a_recipe_may_work_on_a_take_and_the_loop_makes_candidates(tmp_path: Path) -> None:
    """AutoGen on a repaint: the recipe names the take, and every take of the run is its child."""

    async def act(ask: Api) -> None:
        (parent,) = await ask.takes(1)
        recipe = {"task_type": "repaint", "src_audio": "take:1", "repainting_start": 2, "repainting_end": 5}
        await ask("PATCH", "/api/recipe", {"revision": 1, "recipe": recipe})
        await ask("POST", "/api/loop", {"action": "on", "takes": 3})
        await ask.until(lambda: ask.studio.loop.run is None and ask.studio.loop.last_run is not None)
        takes = (await ask("GET", "/api/takes?sort=number"))["takes"][1:]
        assert [(take["operation"], take["parent"], take["revision"]) for take in takes] == [
            ("repaint", parent["id"], 2)
        ] * 3
        assert len({take["seed"] for take in takes}) == 3
        assert takes[0]["request"]["src_audio"] == f"take:{parent['id']}"
        (one,) = (await ask("POST", "/api/render", {"recipe": {"repainting_end": 6}, "wait": True}))["takes"]
        assert (one["operation"], one["parent"]) == ("repaint", parent["id"])
        await ask("PATCH", "/api/recipe", {"revision": 2, "recipe": {"src_audio": "take:99"}}, status=404)
        await ask("PATCH", "/api/recipe", {"revision": 2, "recipe": {"src_audio": "/etc/passwd"}}, status=403)

    on_api(tmp_path, act)
