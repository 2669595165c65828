"""Looks, changed while the studio is open: themes, signs, the mouse, the layout, and the screen that has them all."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest

from acetui.looks.setting_rows import rows, shown_value
from acetui.looks.terminal_settings import AS_SHIPPED, FILE, Found, TerminalSettings, read_settings
from acetui.looks.themes import names
from acetui.screens.settings import SettingsScreen
from tests.acetui.presses import presses
from tests.acetui.told_studio import NANO, ToldStudio, studio, until


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's own folder, and a terminal that shows all colours."""
    folder = tmp_path / "config"
    monkeypatch.setenv("ACETUI_CONFIG", str(folder))
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return folder


def written(config: Path) -> str:
    return (config / FILE).read_text()


def found(**settings: object) -> Found:
    return Found(replace(AS_SHIPPED.settings, **settings), AS_SHIPPED.origins)  # type: ignore[arg-type]


@presses("next-theme")
async def test_the_next_theme_is_worn_and_kept(config: Path) -> None:
    async with studio(ToldStudio()) as (app, pilot):
        ordered = names()
        after = ordered[(ordered.index("nocturne") + 1) % len(ordered)]
        await pilot.press("o", "t")
        await until(pilot, lambda: app.theme == after)
        assert written(config) == f'[terminal]\ntheme = "{after}"\n'
        assert app.desk.key_bar.message.endswith(".")
        assert app.current_theme.variables["quiet"] == app.dressing.theme.colours["quiet"]


@presses("theme")
async def test_a_theme_is_found_by_its_name(config: Path) -> None:
    async with studio(ToldStudio()) as (app, pilot):
        await pilot.press("o", "T")
        await until(pilot, lambda: app.desk.palette.has_class("-open"))
        await pilot.press(*"moss", "enter")
        await until(pilot, lambda: app.theme == "moss")
        assert read_settings().settings.theme == "moss"


@presses("ascii")
async def test_signs_go_and_come_back(config: Path) -> None:
    async with studio(ToldStudio()) as (app, pilot):
        before = app.desk.status.text
        await pilot.press("o", "a")
        await until(pilot, lambda: app.looks.ascii)
        assert app.desk.status.looks.ascii
        assert not before.isascii()
        assert app.desk.status.text.isascii()
        assert "ascii = true" in written(config)
        await pilot.press("o", "a")
        await until(pilot, lambda: not app.looks.ascii)
        assert "ascii = false" in written(config)


@presses("mouse")
async def test_the_mouse_is_left_to_the_terminal_and_taken_back(config: Path) -> None:
    async with studio(ToldStudio()) as (app, pilot):
        sent: list[str] = []
        assert app._driver is not None
        app._driver.write = sent.append  # type: ignore[method-assign]
        await pilot.press("o", "m")
        await until(pilot, lambda: "mouse = false" in written(config))
        assert "\x1b[?1000l\x1b[?1003l\x1b[?1006l" in sent
        await pilot.press("o", "m")
        await until(pilot, lambda: "\x1b[?1000h\x1b[?1003h\x1b[?1006h" in sent)
        assert written(config) == "[terminal]\n"


@presses("settings", "settings-down", "settings-up", "settings-close")
async def test_the_settings_are_all_there_and_explain_themselves() -> None:
    async with studio(ToldStudio(), (90, 24)) as (app, pilot):
        await pilot.press("f8")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        screen = app.screen
        assert isinstance(screen, SettingsScreen)
        shown = [row.name for row in rows(TerminalSettings(), dict(AS_SHIPPED.origins), names())]
        assert shown == list(TerminalSettings.fields())
        for name in (*shown[1:], shown[0]):
            await pilot.press("down")
            assert screen.row.name == name
            text = "\n".join(screen._rows.render_line(y).text.rstrip() for y in range(screen._rows.size.height))
            assert screen.row.help in text
        await pilot.press("up")
        assert screen.row.name == shown[-1]
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.desk)


@presses("settings-next", "settings-previous", "settings-keep")
async def test_a_theme_is_tried_on_and_kept_or_taken_off(config: Path) -> None:
    async with studio(ToldStudio()) as (app, pilot):
        await pilot.press("o", "s")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        ordered = ["auto", *names()]
        after = ordered[ordered.index("nocturne") + 1]
        await pilot.press("right")
        await until(pilot, lambda: app.theme == after)
        assert not config.exists()
        await pilot.press("escape")
        await until(pilot, lambda: app.theme == "nocturne")
        await pilot.press("o", "s")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        await pilot.press("left")
        await until(pilot, lambda: app.theme == ordered[ordered.index("nocturne") - 1])
        await pilot.press("enter")
        await until(pilot, lambda: (config / FILE).exists())
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.desk)
        assert app.theme == ordered[ordered.index("nocturne") - 1]
        assert read_settings().settings.theme == app.theme


async def test_other_settings_count_at_once(config: Path) -> None:
    async with studio(ToldStudio(), (160, 40)) as (app, pilot):
        assert app.desk.has_class("-wide")
        await pilot.press("f8", "down", "down", "down", "right")
        await until(pilot, lambda: app.desk.has_class("-narrow") and not app.desk.has_class("-wide"))
        assert 'layout = "narrow"' in written(config)
        await pilot.press("left")
        await until(pilot, lambda: app.desk.has_class("-wide") and not app.desk.has_class("-narrow"))
        await until(pilot, lambda: written(config) == "[terminal]\n")


async def test_an_editor_is_typed() -> None:
    async with studio(ToldStudio()) as (app, pilot):
        await pilot.press("f8", "up", "up", "right")
        screen = app.screen
        assert isinstance(screen, SettingsScreen)
        assert screen.row.name == "editor"
        await pilot.press(*"hx", "enter")
        await until(pilot, lambda: app.dressing.settings.editor == "hx")
        assert screen.row.value == "hx"
        await pilot.press("right", "escape")
        assert app.screen is screen
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.desk)


async def test_what_cannot_be_kept_is_said_there(config: Path) -> None:
    config.mkdir()
    (config / FILE).write_text("[terminal\n")
    async with studio(ToldStudio()) as (app, pilot):
        await pilot.press("f8", "down", "right")
        screen = app.screen
        assert isinstance(screen, SettingsScreen)
        assert "config.toml, line 1" in screen._rows.trouble
        assert not app.looks.ascii
        assert written(config) == "[terminal\n"


async def test_what_is_wrong_with_the_settings_is_said_to_begin_with(config: Path) -> None:
    config.mkdir()
    (config / FILE).write_text('[terminal]\ntheme = "nocturn"\nlayout = "huge"\n')
    async with studio(ToldStudio(), found=read_settings()) as (app, pilot):
        said = [entry.text for entry in app.desk.log_pane.book.entries()]
        assert any("layout cannot be 'huge'" in text for text in said)
        assert any("There is no theme 'nocturn'. Did you mean 'nocturne'?" in text for text in said)
        assert app.theme == "nocturne"
        await pilot.pause()


async def test_a_persons_own_theme_is_followed_while_it_is_in_use(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acetui.screens.dressing.LOOK_SECONDS", 0.05)
    own = config / "themes" / "dusk.toml"
    own.parent.mkdir(parents=True)
    own.write_text('primary = "#88aaff"\n')
    async with studio(ToldStudio(), found=found(theme="dusk")) as (app, pilot):
        assert app.theme_variables["text-primary"] == "#88aaff"
        own.write_text('primary = "#ffaa88"\n[marks]\nwave = "#445566"\n')
        await until(pilot, lambda: app.theme_variables["wave"] == "#445566")
        assert app.theme_variables["text-primary"] == "#ffaa88"
        await until(pilot, lambda: "wave on background has a contrast of" in app.desk.key_bar.message)
        own.write_text("primary\n")
        await until(pilot, lambda: "dusk.toml, line 1" in app.desk.key_bar.message)
        assert app.theme_variables["wave"] == "#445566"
        assert app.dressing._timer is not None
        app.dressing.choose("theme", "moss")
        assert app.dressing._timer is None, "a theme of the wheel is not looked after"


def test_rows_say_where_a_value_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACETUI_ASCII", "1")
    given = read_settings({"theme": "moss"})
    told = {
        row.name: (shown_value(row.value), row.origin) for row in rows(given.settings, dict(given.origins), names())
    }
    assert told["theme"] == ("moss", "--theme")
    assert told["ascii"] == ("on", "ACETUI_ASCII")
    assert told["slow_line"] == ("auto", "default")
    assert told["mouse"] == ("on", "default")


# --- without colours -------------------------------------------------------------------------------------------------

_COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|4[0-7]|9[0-7]|10[0-7]|38;[25]|48;[25])[\d;]*m")


@pytest.mark.parametrize(("env", "coloured"), [({"NO_COLOR": "1"}, False), ({"COLORTERM": ""}, True)])
async def test_no_color_writes_no_colour_and_sixteen_colours_no_other(
    env: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    told = ToldStudio()
    told.engine = {"ready": True, "profile": NANO}
    told.loop_now = {"on": True, "state": "paused", "reason": "50 takes are unheard, and 50 is the ceiling", "made": 0}
    async with studio(told, found=found(theme="auto")) as (app, pilot):
        await pilot.pause()
        assert app.theme == ("ansi" if coloured else "mono")
        console = app.console
        drawn = "".join(
            console._render_buffer(list(strip))
            for strip in app.screen._compositor.render_strips()  # all of the screen
        )
        codes = {match.group() for match in _COLOUR.finditer(drawn)}
        assert bool(codes) is coloured
        assert not [code for code in codes if "38;" in code or "48;" in code]
        assert "sketch model" in "".join(strip.text for strip in app.screen._compositor.render_strips())


async def test_idle_nothing_is_drawn() -> None:
    """What is shown stands still: the status line, the log, and a theme of the wheel ask for nothing."""
    async with studio(ToldStudio()) as (app, pilot):
        await pilot.press("f9")
        await until(pilot, lambda: app.writing._reader.fit != "")  # what comes late, once
        await pilot.pause()
        drawn: list[object] = []
        display = app._display
        app._display = lambda *given: (drawn.append(given), display(*given))[1]  # type: ignore[method-assign, func-returns-value]
        await asyncio.sleep(1.5)
        assert drawn == []
