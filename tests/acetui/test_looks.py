"""Signs: one for each state, one cell wide, and a plain one where the terminal has nothing better."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from acetui.looks.signs import ASCII, UNICODE, Glyphs, looks_of, speaks_unicode
from acetui.looks.terminal_settings import TerminalSettings

UTF8 = {"LANG": "en_GB.UTF-8", "TERM": "xterm-256color"}
SIGNS = [sign.name for sign in fields(Glyphs)]

# Signs below U+3000 that have a picture among the emoji (Unicode's emoji-data), whose width terminals disagree about.
PICTURES = set(
    "©®‼⁉™ℹ↔↕↖↗↘↙↩↪⌚⌛⌨⏏⏩⏪⏫⏬⏭⏮⏯⏰⏱⏲⏳⏸⏹⏺Ⓜ▪▫▶◀◻◼◽◾☀☁☂☃☄☎☑☔☕☘☝☠☢☣☦☪☮☯☸☹☺♀♂♈♉♊♋♌♍♎♏♐♑♒♓♟♠♣♥♦♨♻♾♿⚒⚓⚔⚕⚖⚗⚙⚛⚜⚠⚡⚧⚪⚫⚰⚱⚽⚾"
    "⛄⛅⛈⛎⛏⛑⛓⛔⛩⛪⛰⛱⛲⛳⛴⛵⛷⛸⛹⛺⛽✂✅✈✉✊✋✌✍✏✒✔✖✝✡✨✳✴❄❇❌❎❓❔❕❗❣❤➕➖➗➡➰➿⤴⤵⬅⬆⬇⬛⬜⭐⭕〰〽㊗㊙"
)


@pytest.mark.parametrize("name", SIGNS)
def test_signs_are_one_cell_wide_everywhere(name: str) -> None:
    assert cell_len(getattr(UNICODE, name)) == 1
    assert getattr(UNICODE, name) not in PICTURES
    assert len(getattr(ASCII, name)) == 1
    assert getattr(ASCII, name).isascii()


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_states_that_stand_in_one_place_differ_in_their_sign(glyphs: Glyphs) -> None:
    for group in (
        ("pinned", "liked", "rejected", "faulty", "playing", "unheard", "marked", "noted", "trashed", "child"),
        ("loop_on", "loop_off", "loop_waits", "trouble"),
        ("yes", "no"),
        ("folded", "unfolded"),
        ("up", "down"),
        ("tie", "no_score"),
    ):
        signs = [getattr(glyphs, name) for name in group]
        assert len(set(signs)) == len(signs), group


@pytest.mark.parametrize(
    ("env", "unicode"),
    [
        (UTF8, True),
        ({"LC_CTYPE": "C.utf8", "TERM": "tmux-256color"}, True),
        ({"LC_ALL": "POSIX", "LANG": "en_GB.UTF-8"}, False),
        ({"LC_ALL": "", "LANG": "de_DE.ISO-8859-1"}, False),
        ({}, False),
        (UTF8 | {"TERM": "linux"}, False),
        (UTF8 | {"TERM": "dumb"}, False),
    ],
)
def test_the_locale_and_the_terminal_say_whether_there_is_unicode(env: dict[str, str], unicode: bool) -> None:
    assert speaks_unicode(env) is unicode
    assert looks_of(TerminalSettings(), env).ascii is not unicode


def test_a_choice_goes_before_what_the_terminal_says() -> None:
    assert looks_of(replace(TerminalSettings(), ascii=True), UTF8).waveform == "ascii"
    assert looks_of(replace(TerminalSettings(), ascii=False), {}).glyphs is UNICODE
    assert looks_of(replace(TerminalSettings(), waveform="blocks"), UTF8).waveform == "blocks"
    assert looks_of(TerminalSettings(), UTF8).waveform == "braille"
    assert looks_of(replace(TerminalSettings(), waveform="braille"), {}).waveform == "ascii"


def test_what_moves_is_drawn_less_often_over_ssh() -> None:
    assert looks_of(TerminalSettings(), UTF8).redraw_seconds == 0.25
    assert looks_of(TerminalSettings(), UTF8 | {"SSH_CONNECTION": "a 1 b 2"}).redraw_seconds == 1.0
    assert looks_of(replace(TerminalSettings(), slow_line=False), UTF8 | {"SSH_TTY": "x"}).redraw_seconds == 0.25
    assert looks_of(replace(TerminalSettings(), slow_line=True), UTF8).redraw_seconds == 1.0


@given(st.floats(-1, 2), st.integers(0, 40), st.booleans())
def test_bars_are_as_wide_as_asked_and_grow(share: float, cells: int, plain: bool) -> None:
    looks = looks_of(replace(TerminalSettings(), ascii=plain))
    drawn = looks.bar(share, cells)
    assert cell_len(drawn) == cells
    assert drawn.isascii() or not plain
    assert looks.bar(1, cells) == ("#" if plain else "█") * cells
    assert looks.bar(0, cells).strip(". ") == ""


def test_words_have_the_signs_of_the_terminal() -> None:
    plain = looks_of(replace(TerminalSettings(), ascii=True))
    assert plain.words("bpm 96 → 104 · 3 new ↓ …") == "bpm 96 > 104 - 3 new v ."
    assert looks_of(TerminalSettings(), UTF8).words("96 → 104") == "96 → 104"
