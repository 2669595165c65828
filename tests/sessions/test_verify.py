"""What is said of a take that was made again. tests/acetui/test_studio.py makes some again, after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from sessions.take import Take
from sessions.verify import compared, verify
from tests.sessions.takes import PLAIN

IDENTITY: Mapping[str, Any] = {
    "engine": "1",
    "torch": "2",
    "models": {"dit": "a"},
    "settings": {"dit": "b"},
    "profile": "turbo",
    "device": "x",
    "dtype": "float32",
    "threads": 1,
    "instruction_set": "AVX2",
    "lanes": 1,
}
HASHES = {"audio": "1", "latents": "2"}
MADE = PLAIN.replace(identity=IDENTITY, hashes=HASHES)


def made(identity: Mapping[str, Any] = {}, **hashes: str) -> dict[str, Any]:
    return {"identity": {**IDENTITY, **identity}, "hashes": {**HASHES, **hashes}}


@pytest.mark.parametrize(
    ("now", "identical", "words"),
    [
        (made(), True, "Identical."),
        (made({"threads": 2}), True, "although"),
        (
            made({"threads": 2}, audio="x"),
            False,
            "another number of threads are rounded in another order (1 then, 2 now)",
        ),
        (made({"models": {"dit": "z"}}, audio="x"), False, "other weights"),
        (made(audio="x"), False, "not to be trusted"),
        (made({"instruction_set": None}, audio="x"), False, "another instruction set"),
    ],
)
def test_what_differs_and_why_it_may(now: dict[str, Any], identical: bool, words: str) -> None:
    outcome = compared(MADE, now)
    assert outcome.identical is identical
    assert words in outcome.reason
    assert outcome.reason.endswith(".")
    assert (outcome.differs == ("audio",)) is not identical


def test_other_weights_are_not_rendered() -> None:
    engine = SimpleNamespace(ready=True, loaded=SimpleNamespace(identity={**IDENTITY, "models": {"dit": "z"}}))
    outcome = asyncio.run(verify(MADE, engine))  # type: ignore[arg-type]
    assert outcome.identical is False
    assert outcome.reason == "Not rendered: other weights make other music."
    assert outcome.object()["identity"] == {"models": {"was": {"dit": "a"}, "now": {"dit": "z"}}}


def test_half_precision_promises_less() -> None:
    identity = {"dtype": "bfloat16", "instruction_set": None}
    take = MADE.replace(identity={**IDENTITY, **identity})
    assert "not promised" in compared(take, made(identity, audio="x")).reason


def test_a_take_that_does_not_say_what_it_was_cannot_be_compared() -> None:
    take: Take = MADE.replace(hashes={})
    outcome = asyncio.run(verify(take, None))  # type: ignore[arg-type]
    assert outcome.identical is None
    assert outcome.object()["identical"] is None
