"""How well the planner recalls a song's words and numbers from its audio codes: the semantic score's measurements.

What the codes say is read once; every target is then read behind it and forgotten again, so that all share the keys
and values of the codes (facts: scoring.md A).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from engine.models.planner_lm import Lane, PlannerLM
from engine.planner.prompts import code_string, understand_prompt
from engine.planner.reasoning import FIELDS, think_block
from engine.scoring import semantic

_AT_ONCE = 64
"""Positions whose logits are computed together: of the whole vocabulary, so that each is a megabyte."""


@dataclass(frozen=True)
class Recalled:
    """What was found; None where there was nothing to ask for."""

    caption: float | None = None
    """PMI, in nats a token."""

    lyrics: float | None = None
    metadata: Mapping[str, float] = field(default_factory=dict)
    """Recall by field, 0 to 1."""

    def score(self, scale: float = semantic.SCALE) -> float | None:
        """The published reward."""
        parts = {name: getattr(self, name) for name in ("caption", "lyrics")}
        scores = {name: None if value is None else semantic.of_pmi(value, scale) for name, value in parts.items()}
        told = list(self.metadata.values())
        return semantic.reward({**scores, "metadata": sum(told) / len(told) if told else None})


class Recall:
    """Asks a planner's network, whose tokenizer ``encode`` is."""

    def __init__(self, network: PlannerLM, encode: Callable[[str], list[int]]) -> None:
        self._network, self._encode = network, encode

    @torch.no_grad()
    def of(self, codes: Sequence[int], caption: str, lyrics: str, metadata: Mapping[str, Any]) -> Recalled:
        """What ``codes`` say of what was asked for. Nothing is found where there are none."""
        if not codes:
            return Recalled()
        told, untold = self._read(code_string(tuple(codes))), self._read("")
        fields = {name: value for name, value in metadata.items() if name in FIELDS and name != "caption"}
        fields = {name: value for name, value in fields.items() if value not in (None, "")}
        return Recalled(
            caption=self._pmi(told, untold, f"{think_block({'caption': caption})}\n") if caption else None,
            lyrics=self._pmi(told, untold, f"<think>\n</think>\n# Lyric\n{lyrics}\n") if lyrics.strip() else None,
            metadata={name: self._recall(told, f"{think_block({name: value})}\n") for name, value in fields.items()},
        )

    def _read(self, codes: str) -> tuple[Lane, Tensor]:
        """A lane behind the prompt, and its last hidden state ``[1, hidden]``."""
        ids = self._encode(understand_prompt(codes)[0])
        lane = self._network.lane(1, len(ids) + 1)
        return lane, self._network.read(self._tokens(ids), lane)[-1:]

    def _pmi(self, told: tuple[Lane, Tensor], untold: tuple[Lane, Tensor], target: str) -> float | None:
        ids = self._encode(target)
        return semantic.pmi(self._likelihoods(told, ids), self._likelihoods(untold, ids))

    def _likelihoods(self, behind: tuple[Lane, Tensor], ids: Sequence[int]) -> list[float]:
        """The logarithm of the chance of each token of a target."""
        found: list[float] = []
        for logits, own in self._logits(behind, ids):
            found += (own - logits.logsumexp(dim=1)).tolist()
        return found

    def _recall(self, behind: tuple[Lane, Tensor], target: str) -> float:
        places: list[int] = []
        for logits, own in self._logits(behind, self._encode(target)):
            places += (logits > own.unsqueeze(1)).sum(dim=1).tolist()
        return semantic.recall(places) or 0.0

    def _logits(self, behind: tuple[Lane, Tensor], ids: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
        """Piece by piece, the logits ``[n, vocabulary]`` at each token of a target, and its own ``[n]``.

        The lane is afterwards where it was.
        """
        lane, last = behind
        here, tokens = lane.length, self._tokens(ids)
        hidden = torch.cat((last, self._network.read(tokens[:-1], lane))) if len(ids) > 1 else last
        lane.length = here
        for rows, wanted in zip(torch.split(hidden, _AT_ONCE), torch.split(tokens, _AT_ONCE), strict=True):
            logits = self._network.logits(rows, self._network.head)
            yield logits, logits.gather(1, wanted.unsqueeze(1)).squeeze(1)

    def _tokens(self, ids: Sequence[int]) -> Tensor:
        return torch.tensor(ids, device=self._network.norm.weight.device)
