"""Codes written by a large planner with a small one ahead of it (speculative decoding).

The small planner, the draft, writes a few codes ahead; the large one reads them all at once and says which it would
have written itself. A token is drawn by a race whose waiting times are the item's own (``engine.planner.draws``), and
both planners run the same race: so the draft is often right where the two distributions are alike, and what is taken is
always the winner of the large planner's race. Nothing of the draft is left in the result, neither in its distribution
nor, on CPU, in a single code: the codes of a seed are the same with and without one. (Rejection sampling with a random
number of its own would keep the distribution alone.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.models.planner_lm import Lane
from engine.models.several import read_on
from engine.planner.decode import Asked, CodeRow, Decoder, Steps

AHEAD = 3
"""Codes that the draft is ahead."""


@dataclass
class Tally:
    """How well a draft does."""

    proposed: int = 0
    taken: int = 0

    @property
    def share(self) -> float:
        """The part of the proposals that was taken."""
        return self.taken / self.proposed if self.proposed else 0.0


@dataclass
class Ahead:
    """A planner and its draft, with the same vocabulary."""

    large: Decoder
    draft: Decoder
    ahead: int = AHEAD
    tally: Tally = field(default_factory=Tally)

    @torch.no_grad()
    def codes(self, asked: Asked, rows: Sequence[CodeRow]) -> Steps:
        """Lets every row write its audio codes, each at its own pace. Yields how many there are, of one row on average.

        Also while the draft writes, so that stopping is at a token of either planner.
        """
        lanes, sketch = (_lanes(each, asked, len(rows), self.ahead) for each in (self.large, self.draft))
        first = torch.cat([last.expand(len(rows), -1) for _, last in self.large.behind(asked)])
        for row, logits in zip(rows, self.large.code_logits(asked, first), strict=True):
            self.large.write_code(row, logits, asked)
        yield 1
        while going := [place for place, row in enumerate(rows) if not row.done(asked)]:
            written = [list(rows[place].codes) for place in going]
            for step in range(self.ahead):
                # First what was written since: two codes at the most, of which it may have read one before.
                fresh = min(2 if step == 0 else 1, len(written[0]))
                logits = _read(self.draft, asked, sketch, going, written, fresh)[:, -1]
                for place, codes, each in zip(going, written, logits, strict=True):
                    codes.append(self.draft.drawn(rows[place].draws, codes, each, asked)[1])
                yield _mean(rows)
            logits = _read(self.large, asked, lanes, going, written, self.ahead + 1)
            for place, codes, each in zip(going, written, logits, strict=True):
                self._check(rows[place], codes, each, asked)
            yield _mean(rows)

    def _check(self, row: CodeRow, proposed: Sequence[int], logits: Tensor, asked: Asked) -> None:
        """Has a row write on for as long as the draft was right, and one code more."""
        for each in logits:
            here = len(row.codes)
            self.large.write_code(row, each, asked)
            if here == len(proposed):
                return
            right = not row.ended and row.codes[here] == proposed[here]
            self.tally.proposed += 1
            self.tally.taken += right
            if row.done(asked) or not right:
                return


def _lanes(decoder: Decoder, asked: Asked, rows: int, ahead: int) -> list[Lane]:
    """Lanes for that many rows, with room for all of their codes and for what is read in vain at the end."""
    return [lane.copies(rows, lane.length + asked.last + ahead, clean=True) for lane, _ in decoder.behind(asked)]


def _read(
    decoder: Decoder,
    asked: Asked,
    lanes: Sequence[Lane],
    going: Sequence[int],
    written: Sequence[Sequence[int]],
    fresh: int,
) -> Tensor:
    """Has a planner read the last ``fresh`` codes of rows; the logits behind each of them ``[rows, fresh, codes]``."""
    tokens = torch.tensor([decoder.tokens_of(codes[-fresh:]) for codes in written], device=decoder.device).flatten()
    places = [range(len(codes) - fresh, len(codes)) for codes in written]
    hidden = read_on(decoder.network, tokens, lanes, going, places)
    return decoder.code_logits(asked, hidden.flatten(0, 1)).view(len(going), fresh, -1)


def _mean(rows: Sequence[CodeRow]) -> int:
    return sum(len(row.codes) for row in rows) // len(rows)
