"""The loops: text under a grammar, and audio codes for a whole batch. Every step is yielded: stopping is at a token.

Prompts are read once: what many plans share is kept, and the rows of a batch go on from a copy. Guidance is more rows
of the same step. Only those rows of the head are computed that can be chosen.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.models.planner_lm import Lane, PlannerLM
from engine.models.recorded_lm import RecordedLM
from engine.planner.draws import Draws, Races, Sampling, choose, choose_together, guided
from engine.planner.grammar import Row, Texts, Wish
from engine.planner.vocabulary import Vocabulary

_KEPT = 4
"""Beginnings of prompts that are kept."""

Prompt = Sequence[Sequence[int]]
"""Tokens, piece by piece."""

Steps = Generator[int, None, None]
"""Yields how many tokens are there, after every one."""


@dataclass(frozen=True)
class Asked:
    """What codes are wanted: ``count`` of them, or as many as the model likes between ``fewest`` and ``most``."""

    prompt: Prompt
    unguided: Prompt
    scale: float
    sampling: Sampling
    count: int | None
    fewest: int = 0
    most: int = 0

    @property
    def last(self) -> int:
        """How many codes there are at the most."""
        return self.count or self.most


@dataclass
class CodeRow:
    """One item's codes on their way, and how likely they were."""

    draws: Draws
    codes: list[int] = field(default_factory=list)
    likelihood: float = 0.0
    """Sum of the logarithms of the chances that the model, guided, gave to each."""

    ended: bool = False

    def done(self, asked: Asked) -> bool:
        """Whether nothing more is to be written."""
        return self.ended or len(self.codes) >= asked.last


class Decoder:
    """A planner's network with its vocabulary, and the beginnings of prompts that it has read."""

    def __init__(self, network: PlannerLM, vocabulary: Vocabulary) -> None:
        self.network, self.vocabulary = network, vocabulary
        self.device = network.norm.weight.device
        self.at_once = self.device.type != "cpu"
        """Whether the codes of a batch are drawn together: on CPU, where rows show in the last bit, each by itself."""

        self._steps = RecordedLM(network)
        self._read: OrderedDict[tuple[tuple[int, ...], ...], tuple[Lane, Tensor]] = OrderedDict()
        self._codes = Rows(network.head, vocabulary.codes, self.device)
        self._code_head = network.rows_of_head(self._codes.head)
        ends = (vocabulary.end, vocabulary.think, vocabulary.think_end)
        text = [number for first, last in vocabulary.text for number in range(first, last)]
        self._text = Rows(network.head, text, self.device)
        self._marks = Rows(network.head, ends, self.device)
        self._texts = torch.cat((self._text.numbers, self._marks.numbers))
        self._masks = _masks(vocabulary, text, len(ends), self.device)

    @torch.no_grad()
    def read(self, prompt: Prompt) -> tuple[Lane, Tensor]:
        """A lane of one row behind ``prompt``, and the last hidden state ``[1, hidden]``. Not to be written to."""
        key = tuple(tuple(piece) for piece in prompt)
        if key not in self._read:
            tokens = torch.tensor(key[-1], device=self.device)
            if len(key) == 1:
                lane = self.network.lane(1, len(key[0]))
            else:
                before, _ = self.read(key[:-1])
                lane = before.copies(1, before.length + len(key[-1]))
            self._read[key] = (lane, self.network.read(tokens, lane)[-1:])
            if len(self._read) > _KEPT:
                self._read.popitem(last=False)
        self._read.move_to_end(key)
        return self._read[key]

    def forget(self) -> None:
        """Gives back the memory of the prompts that were read, and of what was written behind them."""
        self._read.clear()
        self._steps.clear()

    @torch.no_grad()
    def text(self, prompt: Prompt, rows: Sequence[Row], draws: Sequence[Draws], sampling: Sampling, most: int) -> Steps:
        """Lets every row write until it is done; ``most`` tokens at the most."""
        shared, last = self.read(prompt)
        lane, hidden = shared.copies(len(rows), shared.length + 1), last.expand(len(rows), -1)
        for step in range(most):
            for place, row in enumerate(rows):
                if not row.done:
                    self._write(row, hidden[place : place + 1], draws[place], sampling, step)
            yield step + 1
            if all(row.done for row in rows):
                return
            tokens = torch.tensor([row.ids[-1] for row in rows], device=self.device)
            hidden = self.network.step(tokens, [lane])

    def _write(self, row: Row, hidden: Tensor, draws: Draws, sampling: Sampling, step: int) -> None:
        """Gives a row the token that it wishes for; none, where it turns out that it is done."""
        if row.wish.peek:
            row.peeked(int(self._text.numbers[int(self._text_logits(hidden, Texts.CAPTION).argmax())]))
        if not row.done:
            row.take(self._wished(row.wish, hidden, draws, sampling, step))

    def _wished(self, wish: Wish, hidden: Tensor, draws: Draws, sampling: Sampling, step: int) -> int:
        if len(wish.ids) == 1:
            return wish.ids[0]
        if wish.texts:
            logits, numbers = self._text_logits(hidden, wish.texts), self._texts
        else:
            numbers = torch.tensor(wish.ids, dtype=torch.int32, device=self.device)
            logits = self.network.logits_alone(hidden, self.network.head[numbers.long()])
        if wish.greedy:
            return int(numbers[int(logits.argmax())])
        return int(numbers[choose(logits, numbers, sampling, draws, step)])

    def _text_logits(self, hidden: Tensor, kind: Texts) -> Tensor:
        """Logits of text and of the marks, -inf for what a kind of text does not have."""
        parts = [self.network.logits_alone(hidden, rows.head) for rows in (self._text, self._marks)]
        return torch.cat(parts).masked_fill(self._masks[kind], -torch.inf)

    @torch.no_grad()
    def codes(self, asked: Asked, rows: Sequence[CodeRow]) -> Steps:
        """Lets every row write its audio codes."""
        read = self.behind(asked)
        lanes = self._steps.lanes([lane for lane, _ in read], len(rows), asked.last)
        hidden = torch.cat([last.expand(len(rows), -1) for _, last in read])
        together = self.at_once and asked.sampling.penalty == 1
        races = Races([row.draws for row in rows], self.device) if together else None
        for step in range(asked.last):
            written = self.code_logits(asked, hidden)
            if races is not None:
                self._write_codes(rows, written, asked, races, step)
            for row, logits in zip(rows, written, strict=True) if races is None else ():
                if not row.ended:
                    self.write_code(row, logits, asked)
            yield step + 1
            if all(row.done(asked) for row in rows):
                return
            last = [row.codes[-1] if row.codes else len(self.vocabulary.codes) for row in rows]
            tokens = torch.tensor(self.tokens_of(last) * len(lanes), device=self.device)
            hidden = self._steps.step(tokens, lanes)

    def behind(self, asked: Asked) -> list[tuple[Lane, Tensor]]:
        """What was read of the prompts, with guidance two, as ``read`` tells it."""
        prompts = (asked.prompt, asked.unguided) if asked.scale > 1 else (asked.prompt,)
        return [self.read(prompt) for prompt in prompts]

    def tokens_of(self, codes: Sequence[int]) -> list[int]:
        """The tokens of codes; the number behind the last one is the end."""
        known = self.vocabulary.codes
        return [known[code] if code < len(known) else self.vocabulary.end for code in codes]

    def code_logits(self, asked: Asked, hidden: Tensor) -> Tensor:
        """``[rows, codes]``, and one more column for the end where it is the model's to choose.

        ``hidden`` has the rows of all prompts, one prompt's after the other's.
        """
        logits = self.network.logits(hidden, self._code_head)
        if asked.count is None:
            # A sum and no product: one column has a kernel of its own, in which rows are not.
            end = (hidden.float() * self._marks.head[:1].float()).sum(dim=1, keepdim=True)
            logits = torch.cat((logits, end), dim=1)
        if asked.scale <= 1:
            return logits
        cond, uncond = logits.chunk(2)
        return guided(cond, uncond, asked.scale)

    def write_code(self, row: CodeRow, logits: Tensor, asked: Asked) -> None:
        """Draws a row's next code, or its end, from its ``logits``."""
        logits, place = self.drawn(row.draws, row.codes, logits, asked)
        row.ended = place == len(self.vocabulary.codes)
        if not row.ended:
            row.codes.append(place)
            row.likelihood += float(logits[place] - logits.logsumexp(0))

    def _write_codes(self, rows: Sequence[CodeRow], logits: Tensor, asked: Asked, races: Races, step: int) -> None:
        """The same for all rows, with one answer of the device."""
        if asked.count is None and step < asked.fewest:
            logits = logits[:, :-1]
        numbers = torch.cat((self._codes.numbers, self._marks.numbers[:1]))[: logits.shape[1]]
        places = choose_together(logits, numbers, asked.sampling, races, step)
        likely = logits.gather(1, places.unsqueeze(1)).squeeze(1) - logits.logsumexp(1)
        for row, place, likelihood in zip(rows, *torch.stack((places.double(), likely.double())).tolist(), strict=True):
            row.ended = row.ended or int(place) == len(self.vocabulary.codes)
            if not row.ended:
                row.codes.append(int(place))
                row.likelihood += likelihood

    def drawn(self, draws: Draws, codes: Sequence[int], logits: Tensor, asked: Asked) -> tuple[Tensor, int]:
        """The logits that the next code after ``codes`` is drawn from, and that code; or the number after the last."""
        early = asked.count is None and len(codes) < asked.fewest
        # A place of its own: vector arithmetic depends on where a row begins.
        logits = (logits[:-1] if early else logits).clone()
        before = torch.tensor(codes, device=self.device) if asked.sampling.penalty != 1 else None
        numbers = self._codes.numbers
        if logits.shape[0] > numbers.shape[0]:
            numbers = torch.cat((numbers, self._marks.numbers[:1]))
        return logits, choose(logits, numbers, asked.sampling, draws, len(codes), before)


class Rows:
    """Some rows of the head: a view where their tokens are in a row, else copied out."""

    def __init__(self, head: Tensor, tokens: Sequence[int], device: torch.device) -> None:
        numbers = torch.tensor(tokens, dtype=torch.int32)
        together = bool((numbers.diff() == 1).all())
        self.numbers = numbers.to(device)
        self.head = head[int(numbers[0]) : int(numbers[-1]) + 1] if together else head[self.numbers.long()]


def _masks(vocabulary: Vocabulary, text: Sequence[int], marks: int, device: torch.device) -> dict[Texts, Tensor]:
    """What each kind of text does not have, over text tokens and then the marks: the end, and those of reasoning."""
    place = {token: index for index, token in enumerate(text)}

    def mask(without: Sequence[int], only: Sequence[int] | None, marks_kept: int) -> Tensor:
        hidden = torch.zeros(len(text) + marks, dtype=torch.bool)
        if only is not None:
            hidden[: len(text)] = True
            hidden[[place[token] for token in only]] = False
        hidden[[place[token] for token in without]] = True
        hidden[len(text) + marks_kept :] = True
        return hidden.to(device)

    captioned = vocabulary.uncaptioned
    return {
        Texts.FIRST: mask((*captioned, *vocabulary.with_newline), None, 0),
        Texts.CAPTION: mask(captioned, None, 0),
        Texts.INDENTED: mask(captioned, vocabulary.indented, 0),
        Texts.FREE: mask((), None, 1),
        Texts.OPEN: mask((), None, marks),
    }
