"""The messages of the engine process: what goes out comes in again, and nothing else does."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import BadCheckpoint, Cancelled, EngineError, InvalidRequest, RenderFailed
from engine.errors import OutOfMemory
from engine.protocol import (
    ERROR_KINDS,
    TAKE_KEYS,
    Cancel,
    Done,
    ErrorEvent,
    Hello,
    Load,
    Loaded,
    Message,
    Notice,
    Output,
    Ping,
    Pong,
    ProgressEvent,
    ProtocolError,
    Render,
    Shutdown,
    TakeEvent,
    cancelled,
    parse,
)

texts = st.text(max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
tables = st.dictionaries(texts, json_values, max_size=4)
takes = st.fixed_dictionaries(dict.fromkeys(TAKE_KEYS, json_values))
outputs = st.builds(
    Output, texts, texts, texts, st.booleans(), st.booleans(), st.dictionaries(texts, texts, max_size=3)
)
messages = st.one_of(
    st.builds(Load, texts, texts | st.none(), texts, texts, texts, st.none() | texts, st.none() | st.integers()),
    st.builds(Render, texts, tables, outputs),
    st.builds(Cancel, texts),
    st.builds(Ping, texts),
    st.just(Shutdown()),
    st.builds(Hello, st.integers(), texts, texts, st.integers(), st.lists(texts, max_size=3).map(tuple)),
    st.builds(Loaded, texts, tables, tables, numbers),
    st.builds(ProgressEvent, texts, texts, st.integers(), st.integers(), st.none() | st.integers()),
    st.builds(TakeEvent, texts, takes),
    st.builds(Notice, texts, st.none() | texts),
    st.builds(ErrorEvent, texts, st.sampled_from(sorted(ERROR_KINDS)), texts, st.none() | texts, st.none() | texts),
    st.builds(Done, texts, tables),
    st.builds(Pong, texts),
)


@given(messages)
def test_every_message_survives_the_wire(message: Message) -> None:
    line = message.to_json()
    assert "\n" not in line
    assert parse(line) == message
    assert parse(line.encode("utf-8")) == message


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_in_words(line: bytes) -> None:
    with pytest.raises(ProtocolError) as refusal:
        parse(line)
    assert refusal.value.error.endswith(".")
    assert refusal.value.hint


@given(st.sampled_from(["load", "render", "cancel", "hello", "take", "error"]), tables)
def test_known_types_with_arbitrary_fields_are_messages_or_refused(name: str, fields: dict[str, Any]) -> None:
    try:
        message = parse(json.dumps({**fields, "type": name}))
    except ProtocolError:
        return
    assert message.type == name


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "null",
        '{"type": "ping"}',
        '{"type": "ping", "id": 7}',
        '{"type": "ping", "id": "a", "extra": 1}',
        '{"type": ["ping"], "id": "a"}',
        '{"type": "progress", "id": "a", "stage": "load", "done": true, "total": 1}',
        '{"type": "progress", "id": "a", "stage": "load", "done": 0.5, "total": 1}',
        '{"type": "loaded", "id": "a", "profile": {}, "identity": {}, "seconds": NaN}',
        '{"type": "loaded", "id": "a", "profile": {}, "identity": {}, "seconds": 1e999}',
        '{"type": "loaded", "id": "a", "profile": {}, "identity": {}, "seconds": 1' + "0" * 400 + "}",
        '{"type": "render", "id": "a", "request": {}, "output": {"folder": ".", "stem": "x", "tags": {"a": 1}}}',
        '{"type": "hello", "protocol": 1, "engine": "", "version": "", "pid": 1, "capabilities": "render"}',
        '{"type": "take", "id": "a", "take": {"seed": 1}}',
        '{"type": "error", "error": "No.", "kind": "odd"}',
        "[" * 100_000,
        '{"type": "ping", "id": ' + "[" * 900 + "]" * 900 + "}",
        '{"type": "ping", "id": ' + "9" * 5000 + "}",
        b'{"type": "ping", "id": "\xff"}',
    ],
)
def test_what_is_almost_a_message_is_refused(line: str | bytes) -> None:
    with pytest.raises(ProtocolError) as refusal:
        parse(line)
    assert len(refusal.value.error) < 300


def test_a_refusal_names_the_job_where_it_can() -> None:
    with pytest.raises(ProtocolError) as refusal:
        parse('{"type": "score", "id": "job-9", "files": []}')
    assert refusal.value.id == "job-9"
    assert "'score'" in refusal.value.error


def test_values_that_json_cannot_carry_are_refused_before_they_are_sent() -> None:
    with pytest.raises(ProtocolError):
        Done("a", {"seconds": float("nan")}).to_json()
    with pytest.raises(ProtocolError):
        Done("a", {"seconds": object()}).to_json()


def test_half_characters_do_not_break_the_line() -> None:
    message = Notice("\ud800 and \u2028 and \n")
    line = message.to_json()
    assert set(line) <= set(string.printable) - set("\n")
    assert parse(line.encode()) == message


@pytest.mark.parametrize("kind", [InvalidRequest, BadCheckpoint, RenderFailed, OutOfMemory])
def test_errors_keep_their_class_words_and_field(kind: type[EngineError]) -> None:
    back = ErrorEvent.of(kind("That went wrong.", "Do this.", field="bpm"), "job-1").to_exception()
    assert type(back) is kind
    assert (back.error, back.hint, back.field) == ("That went wrong.", "Do this.", "bpm")


@pytest.mark.parametrize(("takes", "hint"), [(0, "Nothing was written."), (1, "finished is kept."), (3, "3 finished")])
def test_a_cancel_says_what_is_kept(takes: int, hint: str) -> None:
    back = ErrorEvent.of(cancelled(takes), "job-1").to_exception()
    assert isinstance(back, Cancelled)
    assert hint in back.hint
