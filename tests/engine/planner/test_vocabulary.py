"""Tokens by what they are for: nothing is assumed of their ids, and what was found out is kept."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer

from engine import BadCheckpoint
from engine.planner import vocabulary as rooms
from engine.planner.vocabulary import encode, make_vocabulary, read_vocabulary
from engine.testing.vocabulary import build_tokenizer
from tests.engine.planner.drive import CODES, tokenizer, vocabulary


def text_of(token: int) -> str:
    return str(tokenizer().decode([token], skip_special_tokens=False))


def test_tokens_by_their_string() -> None:
    words = vocabulary()
    assert [text_of(words.end), text_of(words.think), text_of(words.think_end)] == ["<|im_end|>", "<think>", "</think>"]
    assert text_of(words.newline) == "\n"
    assert [text_of(code) for code in words.codes] == [f"<|audio_code_{n}|>" for n in range(CODES)]
    assert {name: "".join(map(text_of, ids)) for name, ids in words.names.items()} == {
        name: f"{name}:" for name in words.names
    }


def test_plain_text_is_all_that_is_no_mark_and_no_code() -> None:
    words = vocabulary()
    plain = {token for first, last in words.text for token in range(first, last)}
    added = set(tokenizer().get_added_tokens_decoder())
    assert not plain & added
    assert plain | added == set(range(tokenizer().get_vocab_size()))
    assert all("\n" in text_of(token) for token in words.with_newline)
    assert all(text_of(token)[0] in " \t" for token in words.indented)
    assert encode(tokenizer(), "`")[0] in words.uncaptioned


def shuffled() -> Tokenizer:
    """Codes in another order, with other tokens between them."""
    made = build_tokenizer()
    for number in (3, 0, 2, 1):
        tokens = [f"<|audio_code_{number}|>", f"<|between_{number}|>"]
        made.add_tokens([AddedToken(token, special=False, normalized=False) for token in tokens])
    return made


def test_codes_need_not_be_in_a_row() -> None:
    made = shuffled()
    codes = make_vocabulary(made, 4).codes
    assert codes == tuple(made.token_to_id(f"<|audio_code_{number}|>") for number in range(4))
    assert list(codes) != sorted(codes)


def test_a_tokenizer_without_codes_is_another_models() -> None:
    with pytest.raises(BadCheckpoint, match=r"<\|audio_code_0\|>"):
        make_vocabulary(build_tokenizer(), 4)


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACETUI_DATA", str(tmp_path / "data"))
    tokenizer().save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def test_it_is_made_once(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = read_vocabulary(stored, tokenizer(), CODES)
    assert made == vocabulary()
    monkeypatch.setattr(rooms, "make_vocabulary", lambda *_: pytest.fail("it is there already"))
    assert read_vocabulary(stored, tokenizer(), CODES) == made
    (kept,) = (tmp_path / "data" / "cache").iterdir()
    kept.write_text(json.dumps({"end": 1}), encoding="utf-8")
    monkeypatch.undo()
    monkeypatch.setenv("ACETUI_DATA", str(tmp_path / "data"))
    assert read_vocabulary(stored, tokenizer(), CODES) == made  # a damaged one is made again
    assert read_vocabulary(stored, tokenizer(), CODES - 1).codes == made.codes[:-1]


def test_another_tokenizer_has_its_own(stored: Path, tmp_path: Path) -> None:
    read_vocabulary(stored, tokenizer(), CODES)
    other = tmp_path / "other.json"
    shuffled().save(str(other))
    assert read_vocabulary(other, shuffled(), 4).codes != vocabulary().codes[:4]


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_nothing_is_lost_where_nothing_can_be_kept(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o500)
    assert read_vocabulary(stored, tokenizer(), CODES) == vocabulary()
