"""What a tokenizer has to offer a planner, by token string: nothing is assumed of ids, not that codes are in a row.

Made once for a tokenizer and kept on disk: some hundred thousand tokens are looked at, and a thousand values cut up.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from tokenizers import Tokenizer

from engine.checkpoints import data_folder
from engine.errors import BadCheckpoint, EngineError
from engine.files import atomic_write
from engine.planner.reasoning import FIELDS
from engine.values import BPM, LANGUAGES, TIME_SIGNATURES, TRAINED_SECONDS

END = -1
"""The branch of a trie that says: a value may end here."""

Trie = dict[int, "Trie"]
"""Allowed next tokens, each with what may follow it."""

LONGEST = int(TRAINED_SECONDS[1])
_FORMAT = 1
_SIGNS = ("", "#", "b", "♯", "♭")


@dataclass(frozen=True)
class Vocabulary:
    """The tokens that prompts and plans are made of, by what they are for."""

    end: int
    """Ends a turn."""

    think: int
    think_end: int
    newline: int
    codes: tuple[int, ...]
    """The token of every code, by its number."""

    text: tuple[tuple[int, int], ...]
    """Ranges ``(first, one past the last)`` of the tokens of plain text."""

    with_newline: tuple[int, ...]
    """Text tokens that hold a line's end."""

    indented: tuple[int, ...]
    """Text tokens that begin with a space or a tab and hold no line's end."""

    uncaptioned: tuple[int, ...]
    """Text tokens that a caption may not hold: they would end it, or begin a line of their own."""

    names: Mapping[str, tuple[int, ...]]
    """Every field's name with its colon."""

    tries: Mapping[str, Trie]
    """The values of a field that has a list of them, without the name, with the space before."""


def values_of(field: str, longest: int = LONGEST) -> Iterable[str]:
    """Every value of a field, as the planner writes it; a duration is ``longest`` seconds at most."""
    if field == "bpm":
        return map(str, range(BPM[0], BPM[1] + 1))
    if field == "duration":
        return map(str, range(int(TRAINED_SECONDS[0]), longest + 1))
    if field == "keyscale":
        return (f"{note}{sign} {mode}" for note in "ABCDEFG" for sign in _SIGNS for mode in ("major", "minor"))
    return tuple({"language": LANGUAGES, "timesignature": TIME_SIGNATURES}[field])


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    """Ids of a text in which special tokens count as such; nothing is added."""
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def trie_of(tokenizer: Tokenizer, field: str, longest: int = LONGEST) -> Trie:
    """The values of a field as tokens; one that does not begin with the field's name, cut up alone, is left out."""
    name, trie = encode(tokenizer, f"{field}:"), Trie()
    for value in values_of(field, longest):
        ids = encode(tokenizer, f"{field}: {value}")
        if ids[: len(name)] == name:
            here = trie
            for token in ids[len(name) :]:
                here = here.setdefault(token, {})
            here[END] = {}
    if not trie:
        raise BadCheckpoint(f"The planner's tokenizer has no way to write a {field}.", "Download the planner again.")
    return trie


def read_vocabulary(path: Path, tokenizer: Tokenizer, codes: int) -> Vocabulary:
    """The vocabulary of the tokenizer that was read from ``path``, of which the first ``codes`` audio codes count.

    Kept on disk by what the file holds. Raises BadCheckpoint where a token is missing that everything needs.
    """
    digest = hashlib.sha256(path.read_bytes() + f"{_FORMAT} {codes}".encode()).hexdigest()
    kept = data_folder() / "cache" / f"planner-{digest[:32]}.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _from_json(json.loads(kept.read_bytes()))
    vocabulary = make_vocabulary(tokenizer, codes)
    with contextlib.suppress(OSError, EngineError):  # without it, the next start looks again
        kept.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(kept, lambda file: _write(file, vocabulary), overwrite=True)
    return vocabulary


def _write(file: BinaryIO, vocabulary: Vocabulary) -> None:
    file.write(json.dumps(asdict(vocabulary)).encode())


def _from_json(raw: Mapping[str, Any]) -> Vocabulary:
    def trie(branches: Mapping[str, Any]) -> Trie:
        return {int(token): trie(rest) for token, rest in branches.items()}

    return Vocabulary(
        end=int(raw["end"]),
        think=int(raw["think"]),
        think_end=int(raw["think_end"]),
        newline=int(raw["newline"]),
        codes=tuple(map(int, raw["codes"])),
        with_newline=tuple(map(int, raw["with_newline"])),
        indented=tuple(map(int, raw["indented"])),
        uncaptioned=tuple(map(int, raw["uncaptioned"])),
        text=tuple((int(first), int(last)) for first, last in raw["text"]),
        names={field: tuple(map(int, raw["names"][field])) for field in FIELDS},
        tries={field: trie(raw["tries"][field]) for field in FIELDS if field != "caption"},
    )


def make_vocabulary(tokenizer: Tokenizer, codes: int) -> Vocabulary:
    """Looks at every token once. Raises BadCheckpoint where one is missing that everything needs."""
    added = set(tokenizer.get_added_tokens_decoder())
    texts = {
        number: text
        for token, number in tokenizer.get_vocab(with_added_tokens=True).items()
        if number not in added and (text := _bytes(token)) is not None
    }
    broken = [number for number, text in texts.items() if b"\n" in text]
    return Vocabulary(
        end=_id(tokenizer, "<|im_end|>"),
        think=_id(tokenizer, "<think>"),
        think_end=_id(tokenizer, "</think>"),
        newline=_id(tokenizer, _character(ord("\n"))),
        codes=tuple(_id(tokenizer, f"<|audio_code_{code}|>") for code in range(codes)),
        text=_ranges(texts),
        with_newline=tuple(sorted(broken)),
        indented=tuple(sorted(n for n, text in texts.items() if text[:1] in (b" ", b"\t") and b"\n" not in text)),
        uncaptioned=tuple(
            sorted(n for n, text in texts.items() if text == b"`" or (b"\n" in text and text.rpartition(b"\n")[2]))
        ),
        names={field: _spelled(tokenizer, f"{field}:") for field in FIELDS},
        tries={field: trie_of(tokenizer, field) for field in FIELDS if field != "caption"},
    )


def _id(tokenizer: Tokenizer, token: str) -> int:
    number = tokenizer.token_to_id(token)
    if number is None:
        raise BadCheckpoint(
            f"The planner's tokenizer does not know {token!r}.",
            "Its tokenizer.json belongs to another model: download the planner again.",
        )
    return int(number)


def _spelled(tokenizer: Tokenizer, word: str) -> tuple[int, ...]:
    """A word token by token, each the longest that the rest begins with."""
    ids, rest = [], "".join(_character(byte) for byte in word.encode())
    while rest:
        size = next((n for n in range(len(rest), 1, -1) if tokenizer.token_to_id(rest[:n]) is not None), 1)
        ids.append(_id(tokenizer, rest[:size]))
        rest = rest[size:]
    return tuple(ids)


def _ranges(numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number:
            ranges[-1][1] += 1
        else:
            ranges.append([number, number + 1])
    return tuple((first, last) for first, last in ranges)


@cache
def _alphabet() -> dict[str, int]:
    """The character that stands for each byte in a byte-level vocabulary: itself where it can be seen."""
    seen = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return {chr(byte): byte for byte in seen} | {chr(256 + place): byte for place, byte in enumerate(hidden)}


def _character(byte: int) -> str:
    return next(character for character, number in _alphabet().items() if number == byte)


def _bytes(token: str) -> bytes | None:
    """What a token of the vocabulary stands for; None for one that is no text."""
    found = [_alphabet().get(character) for character in token]
    return bytes(byte for byte in found if byte is not None) if None not in found else None
