"""The metadata form from the keyboard."""

from __future__ import annotations

from typing import Any

from acetui.app import StudioApp
from tests.acetui.presses import presses
from tests.acetui.told_studio import until
from tests.acetui.written_studio import WrittenStudio, written

TURBO = {
    "name": "turbo", "family": "turbo", "xl": False, "continuous": False, "inference_steps": 8, "most_steps": 20,
    "advised_steps": [8, 8], "shift": 3.0, "trained_shifts": [1.0, 2.0, 3.0], "guidance_scale": 1.0,
    "guidance_fixed": True, "tasks": ["text2music"], "sketch": False, "duration": 60.0, "infer_method": "ode",
    "guidance_variant": "apg_classic", "dcw_enabled": False,
}  # fmt: skip


def rows(app: StudioApp) -> list[str]:
    form = app.desk.metadata.form
    return [form.render_line(y).text.rstrip() for y in range(form.size.height)]


def here(app: StudioApp) -> str:
    row = app.desk.metadata.here
    return row.name or row.group if row is not None else ""


def typed(app: StudioApp) -> dict[str, str]:
    return dict(app.writing.drafting.typed)


def bar(app: StudioApp) -> str:
    return app.desk.key_bar.message or "".join(segment.text for segment in app.desk.key_bar.render_line(0))


@presses("form-down", "form-up", "form-first", "form-last")
async def test_moving_through_the_form() -> None:
    async with written({"bpm": 96}) as (_, app, pilot):
        await pilot.press("f4")
        assert here(app) == "bpm"
        assert app.desk.metadata.note.text.startswith("Tempo:")
        await pilot.press("j", "down")
        assert here(app) == "timesignature"
        await pilot.press("k", "up")
        assert here(app) == "bpm"
        await pilot.press("end")
        assert here(app) == "loop"
        await pilot.press("home")
        assert here(app) == "metadata"
        assert any("bpm" in line and "96" in line for line in rows(app))


@presses("form-enter", "form-cancel", "field-cancel", "field-next", "field-previous")
async def test_typing_into_a_field() -> None:
    async with written({"bpm": 96}) as (_, app, pilot):
        await pilot.press("f4", "enter", *"104", "enter")
        assert typed(app) == {"bpm": "104"}
        await pilot.press("enter", *"999")
        assert "from 30 to 300" in app.desk.metadata.note.text
        await pilot.press("escape")
        assert typed(app) == {"bpm": "104"}
        await pilot.press("1", "2", "0", "down")
        assert typed(app) == {"bpm": "120"}
        assert here(app) == "keyscale"
        await pilot.press("enter", "escape", "k", "enter", "1", "up", "down")
        assert here(app) == "bpm"
        assert typed(app) == {"bpm": "1"}
        await pilot.press(*"120", "down")
        await pilot.press("j", "j", "j", "enter", *"2:04", "enter")
        assert app.writing.drafting.recipe() == {"bpm": 120, "duration": 124.0}
        await pilot.press("escape")
        assert app.desk.pane_here() is app.desk.takes


async def test_what_cannot_be_read_stays_and_is_marked() -> None:
    async with written({}) as (told, app, pilot):
        await pilot.press("f4", "9", "x", "enter")
        assert typed(app) == {"bpm": "9x"}
        assert any("9x" in line and line.endswith("!") for line in rows(app)), rows(app)
        await pilot.press("ctrl+g")
        await until(pilot, lambda: "bpm cannot be '9x'" in bar(app))
        assert told.revision == 1


@presses("form-more", "form-less", "form-unset")
async def test_stepping_and_leaving_open() -> None:
    async with written({"bpm": 96}) as (_, app, pilot):
        await pilot.press("f4", "right", "l", "space", "left")
        assert typed(app) == {"bpm": "98"}
        await pilot.press("backspace")
        assert typed(app) == {"bpm": ""}
        await pilot.press("j", "j", "h")
        assert app.writing.drafting.recipe() == {"timesignature": "6"}
        await pilot.press("home", "left")
        assert not any("bpm" in line for line in rows(app))
        await pilot.press("right")
        assert any("bpm" in line for line in rows(app))


async def test_a_long_choice_is_searched() -> None:
    async with written({}) as (_, app, pilot):
        await pilot.press("f4", "j", "j", "j", "enter", *"port")
        assert "Portuguese" in rows(app)[0]
        await pilot.press("enter")
        assert app.writing.drafting.recipe() == {"vocal_language": "pt"}
        assert app.desk.lyrics.lyrics.language == "pt"
        await pilot.press("enter", *"ja", "down", "up", "enter")
        assert app.writing.drafting.recipe() == {"vocal_language": "ja"}
        await pilot.press("enter", *"ko", "escape")
        assert app.writing.drafting.recipe() == {"vocal_language": "ja"}
        await pilot.press("k", "k", "enter", *"f# m", "down", "enter")
        assert app.writing.drafting.recipe()["keyscale"] == "F# minor"


@presses("preset")
async def test_presets() -> None:
    told = WrittenStudio({"bpm": 96})
    told.engine = {"ready": True, "profile": TURBO}
    async with written(told=told) as (_, app, pilot):
        await pilot.press("f4", "s", *"draft", "enter")
        assert app.writing.drafting.recipe() == {"bpm": 96, "inference_steps": 4, "thinking": False}
        assert here(app) == "preset"
        await pilot.press("right")
        assert app.writing.drafting.recipe() == {"bpm": 96}


@presses("tap-tempo")
async def test_the_tempo_is_tapped() -> None:
    async with written({}) as (_, app, pilot):
        await pilot.press("f4", "t")
        assert "Tap on" in bar(app)
        await pilot.press("t", "t")
        assert 30 <= app.writing.drafting.recipe()["bpm"] <= 300
        assert "from 3 taps" in bar(app)


@presses("lock")
async def test_locks_against_the_planner() -> None:
    async with written({"bpm": 96}) as (_, app, pilot):
        await pilot.press("f4", "=")
        assert typed(app) == {"bpm": ""}
        await pilot.press("=")
        assert "no value to lock" in bar(app)
        app.details.number = 3
        app.details._takes[3] = {"plan": {"bpm": 88}}
        await pilot.press("=")
        assert typed(app) == {"bpm": "88"}
        await pilot.press("end", "=")
        assert "never touches" in bar(app)


async def test_values_outside_the_model_are_marked() -> None:
    told = WrittenStudio({"inference_steps": 12, "bpm": 40})
    told.engine = {"ready": True, "profile": TURBO}
    async with written(told=told) as (_, app, pilot):
        await pilot.press("f4")
        assert "outside 60 to 180" in app.desk.metadata.note.text
        await pilot.press("end")
        sampling = next(line for line in rows(app) if "sampling" in line)
        assert "steps 12" in sampling
        assert sampling.rstrip("↑↓ ").endswith("!")


async def test_every_field_of_a_session_can_be_reached_and_typed() -> None:
    async with written({}) as (_, app, pilot):
        await pilot.press("f4")
        pane = app.desk.metadata
        for name, text, value in (("loop.takes", "12", 12), ("lm_top_k", "40", 40), ("models.dit", "sft", "sft")):
            pane.find(name)
            await pilot.press("enter", *text, "enter")
            table, _, key = name.rpartition(".")
            assert app.writing.drafting.settings()[table or "recipe"][key] == value


async def test_the_mouse_goes_to_a_field_and_into_it() -> None:
    async with written({"bpm": 96}) as (_, app, pilot):
        form: Any = app.desk.metadata.form
        await pilot.click(form, offset=(4, 2))
        assert here(app) == "keyscale"
        await pilot.click(form, offset=(4, 1))
        await pilot.click(form, offset=(4, 1))
        assert app.desk.metadata.editing
        await pilot.press(*"70", "tab")
        assert typed(app) == {"bpm": "70"}
