"""What the planner may write next: a small state machine for each row of a batch (facts: lm.md 4).

It decides over tokens and knows nothing of probabilities. Whatever a model would like, what comes out can be read,
every value is one that is allowed, and what a person gave stays as it was given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from engine.planner.reasoning import FIELDS
from engine.planner.vocabulary import END, Trie, Vocabulary

MOST_CAPTION_TOKENS = 512
_NUMBERS = ("bpm", "duration")
"""Fields in which a value may be the beginning of another, so that its end is a choice."""


class Texts(Enum):
    """Kinds of text tokens that may come next."""

    FIRST = "the first word of a caption"
    CAPTION = "a caption"
    INDENTED = "the next line of a caption"
    FREE = "anything readable, or the end"
    OPEN = "anything readable, the end, or the marks around reasoning"


@dataclass(frozen=True)
class Wish:
    """What a row may be given next: one of ``ids``, or where there are none, of a kind of text.

    ``greedy`` takes the likeliest instead of drawing. ``peek`` asks which text would be the likeliest, and gives none.
    """

    ids: tuple[int, ...] = ()
    texts: Texts | None = None
    greedy: bool = False
    peek: bool = False


@dataclass(frozen=True)
class Grammar:
    """What all rows of a job have in common. ``given`` are a person's own values, by field, as they are written."""

    vocabulary: Vocabulary
    encode: Callable[[str], Sequence[int]]
    given: Mapping[str, str] = field(default_factory=dict)
    skipped: frozenset[str] = frozenset()
    """Fields that are left out."""

    on: bool = False
    """Whether text follows the reasoning, up to the end of the turn; else it ends with its last field."""

    constrained: bool = True
    durations: Trie | None = None
    """The lengths that are allowed here, where they are fewer than the vocabulary has."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that are written, in their order."""
        return tuple(name for name in FIELDS if name not in self.skipped or name in self.given)

    def trie(self, name: str) -> Trie:
        """The values of a field."""
        return self.durations if name == "duration" and self.durations is not None else self.vocabulary.tries[name]


class Row:
    """One plan on its way: ask for its ``wish``, give it a token, until it is ``done``."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar, self._words = grammar, grammar.vocabulary
        self.ids: list[int] = []
        self.done = False
        self._field = -1
        self._trie: Trie | None = None
        self._captioned: int | None = None
        """Tokens of the caption so far; None outside of it."""

        self._broken = self._indents = False
        self._with_newline, self._indented = set(self._words.with_newline), set(self._words.indented)
        self._forced: deque[int] = deque()
        if grammar.constrained:
            self._forced.extend((self._words.think, self._words.newline))
            self._then: Callable[[], None] = self._next_field
        else:
            self._then = self._nothing

    @property
    def wish(self) -> Wish:
        """What may come next."""
        if self._forced:
            return Wish((self._forced[0],))
        if self._trie is not None:
            return self._of_trie(self._trie)
        if self._captioned is not None:
            return self._of_caption(self._captioned)
        return Wish(texts=Texts.FREE if self._grammar.constrained else Texts.OPEN)

    def take(self, token: int) -> None:
        """Goes on with a token that was wished for."""
        self.ids.append(token)
        if self._forced:
            self._forced.popleft()
            if not self._forced:
                self._then()
        elif self._trie is not None:
            self._walk(self._trie, token)
        elif self._captioned is not None:
            self._caption(self._captioned + 1, token)
        elif token == self._words.end or (token == self._words.think_end and not self._grammar.on):
            self.done = True

    def peeked(self, token: int) -> None:
        """Hears what the model would write at the start of a line: a caption goes on where it is indented."""
        self._broken = False
        self._indents = token in self._indented
        if not self._indents:
            self._next_field()

    def _of_trie(self, trie: Trie) -> Wish:
        further = tuple(token for token in trie if token != END)
        if END not in trie:
            return Wish(further or (self._words.newline,), greedy=self._is("language") and self._at_root)
        return Wish((self._words.newline, *(further if self._is(*_NUMBERS) else ())))

    def _walk(self, trie: Trie, token: int) -> None:
        if token in trie:
            self._trie = trie[token]
        else:
            self._next_field()

    def _of_caption(self, count: int) -> Wish:
        if count >= MOST_CAPTION_TOKENS:
            return Wish((self._words.newline,))
        if self._broken:
            return Wish(texts=Texts.CAPTION, peek=True)
        return Wish(texts=Texts.INDENTED if self._indents else Texts.CAPTION if count else Texts.FIRST)

    def _caption(self, count: int, token: int) -> None:
        self._captioned, self._indents = count, False
        if count > MOST_CAPTION_TOKENS:
            self._next_field()
        else:
            self._broken = token in self._with_newline

    def _is(self, *names: str) -> bool:
        return self._grammar.fields[self._field] in names

    @property
    def _at_root(self) -> bool:
        return self._trie is self._grammar.trie(self._grammar.fields[self._field])

    def _next_field(self) -> None:
        """The name of the next field, or what follows the last one."""
        self._trie = self._captioned = None
        self._field += 1
        if self._field < len(self._grammar.fields):
            self._forced.extend(self._words.names[self._grammar.fields[self._field]])
            self._then = self._value
        elif self._grammar.on:
            self._forced.append(self._words.think_end)
            self._then = self._nothing
        else:
            self.done = True

    def _value(self) -> None:
        """Behind a field's name: what a person gave, or a choice."""
        name = self._grammar.fields[self._field]
        if name in self._grammar.given:
            self._forced.extend(self._grammar.encode(f" {self._grammar.given[name]}\n"))
            self._then = self._next_field
        elif name == "caption":
            self._captioned, self._broken, self._indents = 0, False, False
        else:
            self._trie = self._grammar.trie(name)

    def _nothing(self) -> None:
        """What is free needs no preparation."""
