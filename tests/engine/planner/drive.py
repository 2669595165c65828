"""A grammar driven by made-up preferences, without any network: what a model could do to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from tokenizers import Tokenizer

from engine.planner.grammar import Row, Texts
from engine.planner.vocabulary import Vocabulary, make_vocabulary
from engine.testing.vocabulary import build_tokenizer

Prefer = Callable[[int, list[int]], int]
"""The place that is taken, of those that are allowed, at a step."""

CODES = 24


@cache
def tokenizer() -> Tokenizer:
    return build_tokenizer(audio_codes=31)


@cache
def vocabulary() -> Vocabulary:
    return make_vocabulary(tokenizer(), CODES)


@cache
def texts(kind: Texts) -> list[int]:
    """The tokens of a kind of text, worked out anew and without tensors."""
    words = vocabulary()
    plain = [token for first, last in words.text for token in range(first, last)]
    if kind is Texts.FREE:
        return [*plain, words.end]
    if kind is Texts.OPEN:
        return [*plain, words.end, words.think, words.think_end]
    allowed = set(plain) - set(words.uncaptioned)
    if kind is Texts.FIRST:
        allowed -= set(words.with_newline)
    if kind is Texts.INDENTED:
        allowed &= set(words.indented)
    return sorted(allowed)


def write(row: Row, prefer: Prefer, most: int = 1500) -> str:
    """Lets a row write until it is done, or has ``most`` tokens."""
    for step in range(most):
        if row.done:
            break
        wish = row.wish
        if wish.peek:
            row.peeked(texts(Texts.CAPTION)[prefer(step, texts(Texts.CAPTION)) % len(texts(Texts.CAPTION))])
            if row.done:
                break
            wish = row.wish
        allowed = list(wish.ids) if wish.texts is None else texts(wish.texts)
        assert allowed, "a row that is not done wishes for something"
        row.take(allowed[prefer(step, allowed) % len(allowed)])
    text: str = tokenizer().decode(row.ids, skip_special_tokens=False)
    return text
