"""TOML as text: places of keys and mistakes, values as people write them, and edits that touch nothing else."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.errors import BadSessionFile
from sessions.toml_edit import with_values
from sessions.toml_layout import layout
from sessions.toml_text import decode, load, place, written
from tests.sessions.made import outcome

QUICK = settings(max_examples=200, deadline=None)

SIGNS = st.text(
    st.sampled_from('"""a\\\n\n\t \x7f\x00\x1f\r\u2028é{}') | st.characters(exclude_categories=["Cs"]), max_size=12
)
SCALARS = SIGNS | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SIGNS, inner, max_size=3), max_leaves=5
)

# Lines that people write around their settings, and ways to write one and the same kind of thing.
FILLERS = ["\n", "# a comment\n", "   # indented = 'comment'\n", "\t\n", '# """ [not] = a table\n']
RAW = [
    "1",
    "0x1F",
    "true",
    "1979-05-27 07:32:00",
    '"a # b"',
    "'c:\\d'",
    '"""\nx = 1 # no\n[a]\\\n  y"""',
    "'''\n''x'''",
]
RAW += [
    "[1, 2, # two\n 3]",
    '{ a = 1, "b.c" = [ "]" ] }',
    '"""a"""""',
    '["""x\n]""", {d = \'}\'}]',
    '""',
    "''",
    '""""x"""',
]
KEYS = ["a", "b-1", '"q.x"', "'l'", "c . d", 'e."f"', '"g\\u0041"']


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A valid TOML text with comments, odd spacing and every kind of value."""
    lines = []
    for section in range(draw(st.integers(0, 3))):
        if section:
            lines.append(
                draw(st.sampled_from([f"[s{section}]", f" [ s0 . 's{section}' ] # why", f"[[t{section}]]"])) + "\n"
            )
        for position, key in enumerate(draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=4))):
            lines.append(draw(st.sampled_from(FILLERS)) if draw(st.booleans()) else "")
            indent, gap = draw(st.sampled_from(["", "  "])), draw(st.sampled_from(["=", " = ", "\t=  "]))
            end = draw(st.sampled_from(["\n", " # tail\n", "  \n"]))
            lines.append(f"{indent}{key}{gap}{draw(st.sampled_from(RAW))}{end}")
            assert position < 9
    lines.append(draw(st.sampled_from([*FILLERS, ""])))
    text = "".join(lines)
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


def leaves(table: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every value by its path, tables opened; of a list of tables only the path."""
    if isinstance(table, list) and table and all(isinstance(entry, dict) for entry in table) and path[-1][0] == "t":
        return {key: value for entry in table for key, value in leaves(entry, path).items()}
    if isinstance(table, dict):
        return {key: value for name, inner in table.items() for key, value in leaves(inner, (*path, name)).items()}
    return {path: table}


@QUICK
@given(documents())
def test_the_layout_knows_every_key_and_value(text: str) -> None:
    found = layout(text)
    known = {}
    for statement in found.statements:
        raw = text[statement.value : statement.end]
        known |= leaves(tomllib.loads(f"v = {raw}")["v"], statement.path)
        assert text[statement.start] not in " \t\n#"
    assert known == leaves(tomllib.loads(text))
    assert all(text[header.start] == "[" and text[header.end - 1] == "]" for header in found.headers)


@QUICK
@given(VALUES, st.sampled_from(["\n", "\r\n"]))
def test_every_value_is_read_as_it_was_written(value: Any, newline: str) -> None:
    assert tomllib.loads(f"v = {written(value, newline)}")["v"] == value


@pytest.mark.parametrize("text", ['\n"""', '\n""""', '\n\\"', '"""\n\\"""', '\n"\\', "\n'''", "\n\n\t\x7f\r"])
def test_quotes_and_signs_in_lyrics_are_kept(text: str) -> None:
    assert tomllib.loads(f"v = {written(text)}")["v"] == text


def test_lyrics_are_written_line_by_line() -> None:
    assert written('[Verse]\nsay "hey"\n') == '"""\n[Verse]\nsay "hey"\n"""'


COMMENT = re.compile(r"#[^\r\n]*")


def comments(text: str) -> list[str]:
    """The comments of a text, in their order; what stands inside values is none."""
    outside, at = [], 0
    for statement in layout(text).statements:
        outside.append(text[at : statement.start])
        at = statement.end
    return [comment for piece in [*outside, text[at:]] for comment in COMMENT.findall(piece)]


@QUICK
@given(documents(), st.data())
def test_an_edit_changes_one_value_and_not_a_byte_beside_it(text: str, data: st.DataObject) -> None:
    statements = layout(text).statements
    if not statements:
        return
    chosen = data.draw(st.sampled_from(statements))
    value = data.draw(st.none() | SCALARS)
    if any(header.of_list for header in layout(text).headers if header.path == chosen.section):
        return
    changed = with_values(text, chosen.path[:-1], {chosen.path[-1]: value})
    if value is not None:
        assert changed.startswith(text[: chosen.value])
        assert changed.endswith(text[chosen.end :])
    assert comments(changed) == comments(text)
    wanted = {path: was for path, was in leaves(tomllib.loads(text)).items() if path[: len(chosen.path)] != chosen.path}
    found = leaves(tomllib.loads(changed))
    if value is not None:
        assert found.pop(chosen.path) == value
    assert found == wanted


@QUICK
@given(documents(), SIGNS, SCALARS)
def test_a_new_key_is_one_new_line(text: str, name: str, value: Any) -> None:
    table = next((header.path for header in layout(text).headers if not header.of_list), ("fresh",))
    if (*table, name) in {statement.path for statement in layout(text).statements}:
        return
    changed = with_values(text, table, {name: value})
    found = leaves(tomllib.loads(changed))
    assert found.pop((*table, name)) == value
    assert found == leaves(tomllib.loads(text))
    assert comments(changed) == comments(text)
    assert with_values(changed, table, {name: None}).startswith(text)


LAYOUTS = {
    "subtable elsewhere": '[recipe]\ncaption = "x" # c\n\n# about the loop\n[loop]\n\n[recipe.grid]\nbpm = [90]\n',
    "subtable first": "[recipe.grid]\nbpm = [90]\n",
    "inline": 'recipe = { caption = "x" } # why\n',
    "dotted": 'recipe.caption = "x"\nrecipe.grid.bpm = [90]\n# end\n',
    "indented": '[recipe]\n  caption = "x"\n\n  # the grid\n  [recipe.grid]\n    bpm = [90]\n',
    "no last line end": '[recipe]\ncaption = "x"',
    "empty": "",
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    "values",
    [{"caption": "new\nline"}, {"shift": 2.0}, {"caption": None}, {"grid": {"shift": [1.0, 2.0]}}, {"grid": None}],
)
def test_every_way_to_write_a_table_can_be_edited(text: str, ends: str, mark: str, values: dict[str, Any]) -> None:
    text = mark + text.replace("\n", ends)
    changed = with_values(text, ("recipe",), values)
    body = changed.removeprefix(mark)
    before = tomllib.loads(text.removeprefix("\ufeff")).get("recipe", {})
    after = tomllib.loads(body).get("recipe", {})
    wanted = {name: value for name, value in {**before, **values}.items() if value is not None}
    assert {name: value for name, value in after.items() if value != {}} == wanted
    assert comments(body) == comments(text.removeprefix("\ufeff"))
    assert "\r\n" not in text or "\n" not in body.replace("\r\n", "")
    tomlkit.parse(body)


def test_a_new_key_stands_before_the_comment_on_the_next_table() -> None:
    changed = with_values(LAYOUTS["subtable elsewhere"], ("recipe",), {"bpm": 96})
    assert changed == LAYOUTS["subtable elsewhere"].replace("# c\n", "# c\nbpm = 96\n")


def test_a_comment_outlives_the_key_beside_it() -> None:
    assert with_values("[a]\n  b = 1 # why\nc = 2\n", ("a",), {"b": None}) == "[a]\n  # why\nc = 2\n"


def test_a_value_that_stays_the_same_stays_as_it_is_written() -> None:
    text = "[a]\nb = [ 1, # one\n 2 ]\n[a.c]\nd = 0x10\n"
    assert with_values(text, ("a",), {"b": [1.0, 2.0], "c": {"d": 16}}) == text


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("a = 1\nb = \n", 2, 5, "invalid value"),
        ("a = [1", 1, 7, "unclosed array"),
        ("a = 1\n\nb", 3, 2, "expected '=' after a key"),
        ("a = 1\na = 2", 2, 6, "cannot overwrite a value"),
        ("é = 1", 1, 1, "invalid statement"),
        ("\ufeffa = = 1", 1, 5, "invalid value"),
        (f"a = 1\nb = {'9' * 5000}", 2, 5, "too large"),
        ("a = 1\nb = " + "[" * 50_000, 2, 5, "too large"),
        ("a = 1\nb = '\ud800'", 2, 6, "half a character"),
    ],
)
def test_a_mistake_is_said_with_line_and_column(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(BadSessionFile) as caught:
        load(text, "my.toml")
    assert caught.value.error.startswith(f"my.toml, line {line}, column {column}: ")
    assert says in caught.value.error
    assert (caught.value.line, caught.value.column) == (line, column)


def test_bytes_that_are_no_text_are_said_with_their_place() -> None:
    with pytest.raises(BadSessionFile) as caught:
        decode("a = 1\nb = 'é\xff".encode("latin-1"), "my.toml")
    assert (caught.value.line, caught.value.column) == (2, 6)
    with pytest.raises(BadSessionFile):
        decode("a = 1".encode("utf-16"), "my.toml")


@QUICK
@given(st.text() | st.text(st.sampled_from("[]{}=\"'#\n.a1 ,")))
def test_any_text_is_a_table_or_a_calm_refusal(text: str) -> None:
    made = outcome(lambda: load(text, "my.toml"))
    if isinstance(made, dict):
        found = layout(text.removeprefix("\ufeff"))
        assert {there.path[0] for there in (*found.statements, *found.headers)} == set(made)
    else:
        assert isinstance(made, BadSessionFile)
        assert 1 <= made.line <= text.count("\n") + 1
        assert made.column >= 1


def test_places_count_from_one() -> None:
    assert [place("ab\nc", offset) for offset in (0, 1, 2, 3, 4)] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]


@pytest.mark.parametrize(
    ("text", "table"),
    [("[loop]\na=1\n[loop]\n", "[loop]"), ("[a.b]\nx=1\n[a.b]\n", "[a.b]"), ("[[x]]\n[x]\n", "[x]")],
)
def test_a_table_that_is_there_twice_is_named_as_it_is_written(text: str, table: str) -> None:
    with pytest.raises(BadSessionFile) as caught:
        load(text, "session.toml")
    assert caught.value.error.endswith(f": the table {table} is there twice.")
