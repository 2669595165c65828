"""session.toml: read with the place of every mistake, changed without losing what a person wrote."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import EngineError, InvalidRequest
from sessions.errors import BadSessionFile, BadSetting, MissingSession
from sessions.new_session import create, text_of
from sessions.places import SESSION_FILE
from sessions.recipe import LARGEST, SessionFile, edit, parse
from sessions.settings import Settings
from tests.sessions.made import SETTINGS, check_calm, outcome

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

MINE = """\
# my jam

[recipe]   # what is played
caption = 'warm {jazz|soul}'   # a mood
bpm = 0x60 # tempo, in hex for fun

  # words come later
lyrics = '''
[Verse]
# not a comment
'''

# how long
[loop]
takes = 5
"""


@QUICK
@given(SETTINGS)
def test_settings_survive_the_file_exactly(made: Settings) -> None:
    text = text_of(made)
    assert parse(text) == made
    assert text.encode("utf-8").decode("utf-8") == text
    tomlkit.parse(text)


@QUICK
@given(SETTINGS, SETTINGS, st.sampled_from(["\n", "\r\n"]))
def test_one_file_becomes_another_and_keeps_its_comments(first: Settings, second: Settings, ends: str) -> None:
    text = text_of(first).replace("\n", ends)
    changes = {table: dict.fromkeys(values) for table, values in first.to_dict().items()}
    for table, values in second.to_dict().items():
        changes[table] = {**changes.get(table, {}), **values}
    changed = edit(text, changes)
    assert parse(changed) == second
    kept = [line for line in text_of().splitlines() if line.startswith("#")]
    assert [line for line in changed.splitlines() if line in kept] == kept


@QUICK
@given(st.text() | st.text(st.sampled_from("[]{}=\"'#\n.a1 ,")) | st.binary())
def test_any_file_is_settings_or_a_calm_refusal(tmp_path: Path, content: str | bytes) -> None:
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    (tmp_path / SESSION_FILE).write_bytes(data)
    assert isinstance(outcome(SessionFile(tmp_path).read), Settings | BadSessionFile)


@QUICK
@given(
    st.dictionaries(
        st.sampled_from(["caption", "bpm", "takes", "x", "recipe", "loop"]), st.text(max_size=5) | st.integers()
    )
)
def test_values_of_any_kind_are_settings_or_a_calm_refusal(table: dict[str, Any]) -> None:
    made = outcome(lambda: parse(f"[recipe]\n{tomlkit.dumps(table)}"))
    assert isinstance(made, Settings) or (isinstance(made, BadSessionFile) and made.line >= 1)


def test_a_value_is_changed_where_it_stands() -> None:
    changed = edit(MINE, {"recipe": {"bpm": 104, "keyscale": "Am"}, "loop": {"takes": None, "policy": "mix"}})
    assert changed == MINE.replace("0x60", "104").replace("'''\n\n", "'''\nkeyscale = \"A minor\"\n\n").replace(
        "takes = 5\n", ""
    )


def test_a_default_that_is_asked_for_is_written() -> None:
    assert edit('[recipe]\ncaption = "x"\n', {"recipe": {"caption": ""}}) == '[recipe]\ncaption = ""\n'
    assert edit('[loop]\npolicy = "explore"\n', {"loop": {"policy": "mix"}}) == '[loop]\npolicy = "mix"\n'


def test_nothing_to_change_changes_nothing() -> None:
    assert edit(MINE, {}) == MINE
    assert edit(MINE, {"recipe": {"bpm": 96, "caption": "warm {jazz|soul}"}, "loop": {"minutes": None}}) == MINE


def test_a_value_that_is_refused_leaves_the_text() -> None:
    with pytest.raises(BadSetting) as caught:
        edit(MINE, {"recipe": {"bpm": 5}})
    assert caught.value.field == "bpm"


def test_a_list_of_tables_is_left_to_its_person() -> None:
    text = '[recipe]\ncaption = "x"\n[[recipe.adapters]]\npath = "a"\n'
    assert parse(text).recipe.template["adapters"] == [{"path": "a", "scale": 1.0}]
    with pytest.raises(InvalidRequest, match=r"is written as \[\[recipe\.adapters\]\]"):
        edit(text, {"recipe": {"adapters": None}})
    assert 'caption = "y"' in edit(text, {"recipe": {"caption": "y"}})


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("[recipe]\n  bpm = 500\n", 2, 3, "bpm cannot be 500: it must be a whole number from 30 to 300"),
        ("[recipe]\n'bpm' = 500\n", 2, 1, "bpm cannot be 500"),
        ("[recipe]\ncaptoin = 'x'\n", 2, 1, "Nothing under [recipe] is called 'captoin'. Did you mean 'caption'?"),
        ("\n[lop]\ntakes = 1\n", 2, 1, "Nothing at the top is called 'lop'. Did you mean 'loop'?"),
        ("a = 1\n[recipe.grid]\n\n shift = [9]\n", 1, 1, "Nothing at the top is called 'a'."),
        ("[recipe.grid]\n\n shift = [9]\n", 3, 2, "shift cannot be 9"),
        ("[loop]\ntakes = 1\nbpm = 3\n", 3, 1, "It belongs under a line '[recipe]'."),
        ("loop = 5\n", 1, 1, "loop cannot be 5: it must be a table."),
        ("recipe = { bpm = 500 }\n", 1, 1, "bpm cannot be 500"),
        ("[recipe]\ncfg_interval_end = 0.1\ncfg_interval_start = 0.2\n", 3, 1, "must not be above"),
        ("[recipe]\ncaption = '{a'\n", 2, 1, "is never closed"),
        ("[recipe]\nbpm = 2024-01-01\n", 2, 1, "bpm cannot be of type date"),
        ("[recipe]\nbpm = \n", 2, 7, "invalid value"),
        ("\ufeff[recipe]\r\nbpm = 500\r\n", 2, 1, "bpm cannot be 500"),
    ],
)
def test_mistakes_are_said_with_line_and_column(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(BadSessionFile) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert f"session.toml, line {line}, column {column}: " in str(caught.value)
    assert says in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_file_is_changed_in_place(tmp_path: Path) -> None:
    path = tmp_path / SESSION_FILE
    path.write_text(MINE, newline="")
    path.chmod(0o640)
    made = SessionFile(tmp_path).update({"recipe": {"bpm": 104}})
    assert made.recipe.template["bpm"] == 104
    assert path.read_text() == MINE.replace("0x60", "104")
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == [SESSION_FILE]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    real.write_text(MINE)
    session = tmp_path / "jam"
    session.mkdir()
    (session / SESSION_FILE).symlink_to(real)
    SessionFile(session).update({"loop": {"takes": 7}})
    assert (session / SESSION_FILE).is_symlink()
    assert "takes = 7" in real.read_text()


def test_what_is_not_there_or_no_session_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingSession) as missing:
        SessionFile(tmp_path).read()
    assert missing.value.exit_code == 3
    (tmp_path / SESSION_FILE).write_bytes(b"#" * (LARGEST + 1))
    with pytest.raises(BadSessionFile, match="more than"):
        SessionFile(tmp_path).read()
    (tmp_path / SESSION_FILE).write_bytes(b"[recipe]\ncaption = '\xff'\n")
    with pytest.raises(BadSessionFile, match="line 2, column 12: it is not text in UTF-8"):
        SessionFile(tmp_path).read()


def test_a_new_file_says_all_that_can_be_said() -> None:
    text = text_of()
    assert parse(text) == Settings()
    lines = [line for line in text.splitlines() if len(line) > 1 and line[0] == "#" and line[1] not in " ["]
    for table in ("loop", "scores", "models"):
        for name in Settings().values(table):
            assert any(line.startswith(f"#{name} = ") for line in lines), name
    opened = "\n".join(
        line[1:] if line.startswith("#") and line[1:2] not in (" ", "") else line for line in text.splitlines()
    )
    assert parse(opened).loop.takes == 50
    assert parse(opened).recipe.grid.size == 6
    assert max(map(len, text.splitlines())) <= 120


def test_a_session_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = create(tmp_path / "jam", Settings.from_dict({"recipe": {"caption": "x"}}))
    assert SessionFile(folder).read().recipe.template == {"caption": "x"}
    for wrong in (folder, tmp_path / "no" / "jam", tmp_path / ".hidden"):
        with pytest.raises(EngineError) as caught:
            create(wrong)
        check_calm(caught.value)
    monkeypatch.setenv("ACETUI_DATA", str(tmp_path / "data"))
    assert (create(tmp_path / "data" / "sessions" / "named") / SESSION_FILE).is_file()
