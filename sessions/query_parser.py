"""From the text of a filter or a sort to its tree. Whatever is written, the only error is BadQuery."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from difflib import get_close_matches

from engine.errors import EngineError
from sessions.columns import COLUMNS, SYNONYMS, Column, column, fold, fold_item
from sessions.query import And, Node, Not, Or, Query, SortKey, Test

LONGEST = 10_000
"""Characters of a filter at most."""
_MOST_TERMS = 200
_DEEPEST = 40
_FULL_TEXT = ("name", "caption", "lyrics", "note")
_JOINERS = ("and", "or", "not")
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<operator>!=|<=|>=|[=<>:~])
    | (?P<bracket>[()])
    | (?P<word>[^\s()"'=<>:~!]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_VALUE = re.compile(r"""\s*(?P<word>[^\s()"']+)""")


class BadQuery(EngineError):
    """A filter or a sort that cannot be understood; ``column`` counts its characters from 1."""

    exit_code = 2

    def __init__(self, what: str, at: int, hint: str, *, field: str = "filter") -> None:
        super().__init__(f"The {field} is not understood at column {at}: {what}.", hint, field=field)
        self.column = at


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int
    """The column, from 1."""


_END = "end"


def parse(text: str) -> Query:
    """The filter that ``text`` describes; empty text lets everything pass. Raises BadQuery."""
    if len(text) > LONGEST:
        raise BadQuery("it is too long", LONGEST, f"A filter has at most {LONGEST:,} characters.")
    return Query(text, _Parser(text).whole())


def parse_sort(text: str) -> tuple[SortKey, ...]:
    """The keys of a sort such as ``-score,number``; a minus means from large to small. Raises BadQuery."""
    keys: list[SortKey] = []
    position = 0
    for part in text.split(",") if text.strip() else ():
        at = position + 1 + len(part) - len(part.lstrip())
        position += len(part) + 1
        name = part.strip()
        found = column(name.removeprefix("-").strip())
        if found is None:
            raise BadQuery(f"there is no field '{name[:40]}'", at, _nearest(name.removeprefix("-")), field="sort")
        keys.append(SortKey(found, name.startswith("-")))
    if len(keys) > 8:
        raise BadQuery("it names too many fields", 1, "Eight are enough.", field="sort")
    return tuple(keys)


class _Parser:
    """Recursive descent, one method a level: ``or``, ``and``, ``not``, a term."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._terms = 0
        self._next = self._read()

    def whole(self) -> Node | None:
        if self._next.kind == _END:
            return None
        tree = self._any(0)
        if self._next.kind != _END:
            raise BadQuery(f"'{self._next.text}' closes nothing", self._next.at, "Remove it, or open it before.")
        return tree

    def _any(self, depth: int) -> Node:
        items = [self._all(depth)]
        while self._is_word("or"):
            self._advance()
            items.append(self._all(depth))
        return items[0] if len(items) == 1 else Or(tuple(items))

    def _all(self, depth: int) -> Node:
        items = [self._single(depth)]
        while not (self._next.kind == _END or self._next.text == ")" or self._is_word("or")):
            if self._is_word("and"):
                self._advance()
            items.append(self._single(depth))
        return items[0] if len(items) == 1 else And(tuple(items))

    def _single(self, depth: int) -> Node:
        token = self._next
        if depth > _DEEPEST:
            raise BadQuery("it is nested too deeply", token.at, f"{_DEEPEST} levels are the most.")
        if self._is_word("not"):
            self._advance()
            return Not(self._single(depth + 1))
        if token.kind == "bracket" and token.text == "(":
            self._advance()
            inner = self._any(depth + 1)
            if self._next.text != ")" or self._next.kind != "bracket":
                raise BadQuery("a ')' is missing", self._next.at, f"The '(' at column {token.at} is still open.")
            self._advance()
            return inner
        return self._term()

    def _term(self) -> Node:
        token = self._next
        self._terms += 1
        if self._terms > _MOST_TERMS:
            raise BadQuery("it has too many terms", token.at, f"{_MOST_TERMS} are the most.")
        if token.kind == "text":
            self._advance()
            return Or(tuple(Test(COLUMNS[name], "~", fold(token.text)) for name in _FULL_TEXT))
        if token.kind != "word" or token.text.lower() in _JOINERS:
            what = "it ends too early" if token.kind == _END else f"'{token.text}' stands where a term should"
            raise BadQuery(what, token.at, "A term is for example score>=0.8, pinned, or text in quotes.")
        self._next = self._read()
        field = column(token.text)
        if self._next.kind != "operator":
            return _flag(token, field)
        if field is None:
            raise BadQuery(f"there is no field '{token.text[:40]}'", token.at, _nearest(token.text))
        sign = self._next
        return _comparison(field, sign, self._value(sign))

    def _value(self, sign: _Token) -> _Token:
        """The token after an operator: quoted text, or everything up to a blank or a bracket: 2025-01-31T10:00."""
        quoted = _TOKEN.match(self._text, self._position)
        if quoted is not None and quoted.lastgroup == "text":
            value = self._read()
        elif found := _VALUE.match(self._text, self._position):
            value = _Token("word", found["word"], found.start("word") + 1)
            self._position = found.end()
        elif (rest := self._text[self._position :].lstrip())[:1] in ("'", '"'):
            raise _unfinished(len(self._text) - len(rest) + 1)
        else:
            raise BadQuery(
                f"a value is missing after '{sign.text}'", sign.at + len(sign.text), "For example score>=0.8."
            )
        self._advance()
        return value

    def _is_word(self, word: str) -> bool:
        return self._next.kind == "word" and self._next.text.lower() == word

    def _advance(self) -> None:
        self._next = self._read()

    def _read(self) -> _Token:
        found = _TOKEN.match(self._text, self._position)
        if found is None or found.lastgroup is None:
            rest = self._text[self._position :]
            at = self._position + 1 + len(rest) - len(rest.lstrip())
            if not rest.strip():
                return _Token(_END, "", len(self._text.rstrip()) + 1)
            if rest.lstrip()[0] in "\"'":
                raise _unfinished(at)
            raise BadQuery(f"'{rest.lstrip()[0]}' means nothing here", at, "The operators are = != < <= > >= : ~.")
        self._position = found.end()
        text = found[found.lastgroup]
        if found.lastgroup == "text":
            text = re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
        return _Token(found.lastgroup, text, found.start(found.lastgroup) + 1)


def _unfinished(at: int) -> BadQuery:
    return BadQuery("a quotation mark is missing", at, "Text ends with the mark that it begins with.")


def _flag(token: _Token, field: Column | None) -> Test:
    """A word that stands alone."""
    if field is not None and field.kind == "flag":
        return Test(field, "=", True)
    if field is not None:
        example = {"number": f"{token.text}>1", "list": f"{token.text}:one"}.get(field.kind, f"{token.text}~some")
        raise BadQuery(f"'{token.text}' is not compared with anything", token.at, f"Write for example {example}.")
    near = get_close_matches(token.text.lower(), [c.name for c in COLUMNS.values() if c.kind == "flag"], n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise BadQuery(f"'{token.text[:40]}' is not a flag", token.at, f"{hint}Put text to look for in quotes.")


def _comparison(field: Column, sign: _Token, value: _Token) -> Test:
    operator = "=" if sign.text == ":" else sign.text
    ordered = operator in ("<", "<=", ">", ">=")
    if (ordered and field.kind in ("flag", "list")) or (operator == "~" and field.kind in ("flag", "number")):
        kinds = {"flag": "either true or false", "list": "a list", "number": "a number"}
        good = {"flag": "= or !=", "list": ": or ~", "number": "= != < <= > or >="}
        raise BadQuery(
            f"{field.name} is {kinds[field.kind]}, which '{operator}' does not fit",
            sign.at,
            f"Use {good[field.kind]}.",
        )
    if value.text == "" or (value.kind == "word" and value.text.lower() == "none"):
        if operator not in ("=", "!="):
            raise BadQuery("what is missing cannot be compared so", value.at, f"Write {field.name}:none.")
        # A flag is never missing: it is true or it is not.
        return Test(field, operator, False if field.kind == "flag" else None)
    if field.kind == "text":
        return Test(field, operator, fold(value.text) or None if operator in ("=", "!=") else fold(value.text))
    if field.kind == "list":
        return Test(field, operator, fold_item(value.text))
    if field.kind == "flag":
        if value.text.lower() not in _TRUTHS:
            raise BadQuery(
                f"{field.name} is either true or false", value.at, f"Write {field.name} or not {field.name}."
            )
        return Test(field, operator, _TRUTHS[value.text.lower()])
    return Test(field, operator, _number(field, value))


def _number(field: Column, value: _Token) -> float:
    try:
        number = int(value.text) if re.fullmatch(r"[+-]?[0-9]{1,18}", value.text) else float(value.text)
    except ValueError:
        raise BadQuery(
            f"{field.name} is a number, and '{value.text[:40]}' is not", value.at, f"For example {field.name}>1."
        ) from None
    if not math.isfinite(number):
        raise BadQuery("no number is so large", value.at, "Use an ordinary number.")
    return number


def _nearest(name: str) -> str:
    known = [*COLUMNS, *SYNONYMS, "parts.NAME"]
    near = get_close_matches(name.strip().lower()[:60], known, n=1)
    return f"Did you mean {near[0]}?" if near else "Fields are for example score, bpm, caption, tags, created."
