"""What a person has set: where it comes from, what is wrong with it, and a file whose comments survive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acetui.looks.terminal_settings import FILE, TerminalSettings, editor_surroundings, read_settings, save, variable_of
from engine.errors import InvalidRequest


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config"


@pytest.fixture
def env(config: Path) -> dict[str, str]:
    return {"ACETUI_CONFIG": str(config)}


def write(config: Path, text: str) -> None:
    config.mkdir(exist_ok=True)
    (config / FILE).write_text(text, encoding="utf-8")


def test_nothing_set_is_the_defaults(env: dict[str, str], config: Path) -> None:
    found = read_settings(env=env)
    assert found.settings == TerminalSettings()
    assert set(found.origins.values()) == {"default"}
    assert found.problems == ()
    assert not config.exists()


def test_flag_before_environment_before_file_before_default(env: dict[str, str], config: Path) -> None:
    write(config, '[terminal]\ntheme = "moss"\nascii = true\nlayout = "wide"\n')
    env |= {"ACETUI_THEME": "tape", "ACETUI_ASCII": "off"}
    found = read_settings({"theme": "neon", "mouse": None}, env)
    assert (found.settings.theme, found.settings.ascii, found.settings.layout, found.settings.mouse) == (
        "neon",
        False,
        "wide",
        True,
    )
    origins = {name: found.origins[name] for name in ("theme", "ascii", "layout", "mouse")}
    assert origins == {"theme": "--theme", "ascii": "ACETUI_ASCII", "layout": FILE, "mouse": "default"}


def test_every_field_has_a_variable_and_explains_itself(env: dict[str, str]) -> None:
    words = {
        "theme": "moss",
        "layout": "wide",
        "waveform": "blocks",
        "editor": "ed",
        "output": "mpv",
        "sound_device": "usb",
        "volume": "70",
        "radio": "best",
    }
    for name, field in TerminalSettings.fields().items():
        word = words.get(name, "off" if field.default is True else "on")
        found = read_settings(env=env | {variable_of(name): word})
        assert getattr(found.settings, name) == field.parse(word) != field.default
        assert found.origins[name] == f"ACETUI_{name.upper()}"
        assert field.help.endswith(".")


def test_what_is_wrong_is_told_with_its_line_and_the_rest_counts(env: dict[str, str], config: Path) -> None:
    write(config, '# mine\n[terminal]\nlayout = "huge"\nmouse = false\nthem = "x"\n\n[colours]\n')
    found = read_settings(env=env | {"ACETUI_ASCII": "perhaps"})
    assert found.settings == replace(TerminalSettings(), mouse=False)
    assert [str(problem) for problem in found.problems] == [
        "config.toml, line 7, column 1: 'colours' means nothing here. There is terminal.",
        "config.toml, line 3, column 1: layout cannot be 'huge': it must be one of auto, narrow, medium, wide. "
        "Left out, it is auto.",
        "config.toml, line 5, column 1: 'them' means nothing here. Did you mean 'theme'?",
        "ACETUI_ASCII: ascii cannot be 'perhaps': it must be true or false. Leave it out to have it chosen for you.",
    ]


@pytest.mark.parametrize("text", ["terminal = 3\n", "[terminal\n", 'x = "\udc80'])
def test_a_file_that_cannot_be_used_at_all_is_one_problem(text: str, env: dict[str, str], config: Path) -> None:
    config.mkdir()
    (config / FILE).write_bytes(text.encode("utf-8", "surrogateescape"))
    found = read_settings(env=env)
    assert found.settings == TerminalSettings()
    assert len(found.problems) == 1
    assert found.problems[0].error.startswith("config.toml, line 1")


def test_saving_keeps_comments_and_takes_defaults_out(env: dict[str, str], config: Path) -> None:
    write(config, '# how I like it\n[terminal]\ntheme = "moss"  # green\nmouse = false\n')
    assert save({"theme": "neon", "mouse": True, "layout": "wide"}, env) == config / FILE
    assert (config / FILE).read_text() == '# how I like it\n[terminal]\ntheme = "neon"  # green\nlayout = "wide"\n'
    assert read_settings(env=env).settings == replace(TerminalSettings(), theme="neon", layout="wide")


def test_saving_makes_the_folder_and_refuses_what_cannot_be(env: dict[str, str], config: Path) -> None:
    save({"ascii": True}, env)
    assert (config / FILE).read_text() == "[terminal]\nascii = true\n"
    with pytest.raises(InvalidRequest):
        save({"layout": "huge"}, env)
    write(config, "[terminal\n")
    with pytest.raises(InvalidRequest, match="line 1"):
        save({"ascii": True}, env)
    assert (config / FILE).read_text() == "[terminal\n"


def test_the_editor_is_ones_own_else_the_environments() -> None:
    both = {"VISUAL": "hx", "EDITOR": "ed"}
    assert editor_surroundings(replace(TerminalSettings(), editor="vim"), both) == {"VISUAL": "vim", "EDITOR": "ed"}
    assert editor_surroundings(TerminalSettings(), both) == both
