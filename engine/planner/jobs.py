"""The planner's four jobs: a plan with its codes, a sentence to a song, polish, audio to words (facts: lm.md 3 to 5).

Each is a generator of progress in tokens that returns its result; to cancel is to stop iterating.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from tokenizers import Tokenizer

from engine.checkpoints import Component
from engine.config import LMConfig
from engine.errors import RenderFailed
from engine.events import Progress
from engine.headers import StoredTensor
from engine.models.loading import build, fill
from engine.models.planner_lm import PlannerLM
from engine.models.steady import prepare
from engine.models.text import read_tokenizer
from engine.planner import prompts, reasoning
from engine.planner.ahead import Ahead
from engine.planner.decode import Asked, CodeRow, Decoder
from engine.planner.draws import Draws, Sampling
from engine.planner.grammar import MOST_CAPTION_TOKENS, Grammar, Row
from engine.planner.plan import Plan, known, metadata_of, open_fields
from engine.planner.recall import Recall
from engine.planner.vocabulary import LONGEST, Vocabulary, encode, read_vocabulary, trie_of
from engine.request import Request
from engine.sampling.noise import PLANNER
from engine.values import CODES_A_SECOND, INSTRUMENTAL, TRAINED_SECONDS, UNKNOWN_LANGUAGE

TEXT, CODES = PLANNER, PLANNER + 1
"""The streams of a seed that plans and codes are drawn from."""

MOST_TOKENS = 2048
"""What may be written for a sample or a polish."""

MOST_WORDS_TOKENS = 4096
"""What may be written about music."""

MOST_CAPTION, MOST_LYRICS = 2048, 8192
"""Tokens that are read of a caption and of lyrics; far more than any model was trained on, and memory is finite."""

_AROUND = 88
"""Tokens that a plan has beside its caption, at the most."""

_log = logging.getLogger(__name__)

Work = Generator[Progress, None, Plan]


@dataclass(frozen=True)
class Parts:
    """What a planner is made of: all that is slow to read, and nothing that was computed from where its weights are."""

    network: PlannerLM
    vocabulary: Vocabulary
    tokenizer: Tokenizer
    identity: Mapping[str, Any]
    longest: int
    draft: PlannerLM | None = None

    @property
    def networks(self) -> tuple[PlannerLM, ...]:
        """The planner's, and that of its draft."""
        return (self.network,) if self.draft is None else (self.network, self.draft)

    def planner(self) -> Planner:
        """A planner of them, whose weights must be in their place."""
        made = Planner(Decoder(self.network, self.vocabulary), self.tokenizer, self.identity, self.longest)
        if self.draft is not None:
            made.behind(self.draft)
        return made


class Planner:
    """A 5 Hz language model, ready for its jobs."""

    def __init__(self, decoder: Decoder, tokenizer: Tokenizer, identity: Mapping[str, Any], longest: int) -> None:
        self._decoder, self._tokenizer = decoder, tokenizer
        self._writer: Decoder | Ahead = decoder
        self._encode = partial(encode, tokenizer)
        self.identity = dict(identity)
        self.longest = longest
        """Seconds that a plan may be long."""

    @classmethod
    def load(
        cls,
        component: Component[LMConfig],
        found: Mapping[str, StoredTensor],
        codes: int,
        like: torch.Tensor,
        identity: Mapping[str, Any],
        longest: int = LONGEST,
    ) -> Planner:
        """The planner of a verified folder, on the device and in the dtype of ``like``, with that many ``codes``."""
        assert component.tokenizer is not None  # open_lm refuses a folder without one
        network = _network(component, found, like)
        tokenizer = read_tokenizer(component.tokenizer)
        vocabulary = read_vocabulary(component.tokenizer, tokenizer, codes)
        return cls(Decoder(network, vocabulary), tokenizer, identity, longest)

    def follow(self, component: Component[LMConfig], found: Mapping[str, StoredTensor], like: torch.Tensor) -> None:
        """Has a smaller planner, of the same tokens, be ahead where codes are written. They stay what they are."""
        self.behind(_network(component, found, like))

    def behind(self, draft: PlannerLM) -> None:
        """The same with the network of one."""
        self._writer = Ahead(self._decoder, Decoder(draft, self._decoder.vocabulary))

    @property
    def parts(self) -> Parts:
        """What it is made of."""
        draft = self._writer.draft.network if isinstance(self._writer, Ahead) else None
        network, vocabulary = self._decoder.network, self._decoder.vocabulary
        return Parts(network, vocabulary, self._tokenizer, self.identity, self.longest, draft)

    def recall(self) -> Recall:
        """What asks how well it recalls a song from its codes."""
        return Recall(self._decoder.network, self._encode)

    # --- the plan and its codes --------------------------------------------------------------------------------------

    def plan(self, request: Request, seed: int) -> Work:
        """Fills in what ``request`` leaves open; nothing is run where nothing is open."""
        given, wanted = known(request), open_fields(request)
        if not wanted:
            return Plan.of(reasoning.Reasoning(given), seed)
        grammar = self._grammar(request, given, skipped=frozenset(reasoning.FIELDS) - wanted)
        prompt = self._pieces(prompts.plan_prompt(*self._words(request)))
        most = MOST_CAPTION_TOKENS + _AROUND
        text = yield from self._write(prompt, grammar, seed, _sampling(request), most, self._ahead(request, most))
        found = {**reasoning.read(text).metadata, **given}
        return Plan.of(reasoning.Reasoning(found), seed)

    def codes(self, request: Request, plan: Plan, seeds: Sequence[int]) -> Generator[Progress, None, list[Plan]]:
        """``plan`` with the codes of each seed; a seed's own do not depend on which others there are."""
        asked = self._asked(request, plan)
        rows = [CodeRow(Draws(seed, CODES, self._decoder.device)) for seed in seeds]
        most = min(request.lm_batch_chunk_size, len(rows)) if request.allow_lm_batch else 1
        length = asked.count or asked.most
        for start in range(0, len(rows), most):
            part = rows[start : start + most]
            for written in self._writer.codes(asked, part):
                yield Progress("planner", start * length + written * len(part), len(rows) * length)
        if isinstance(self._writer, Ahead):
            tally = self._writer.tally
            _log.debug("Of the draft's %d codes the planner took %.0f %%.", tally.proposed, 100 * tally.share)
        return [plan.with_codes(row.codes, row.likelihood / max(1, len(row.codes))) for row in rows]

    def _asked(self, request: Request, plan: Plan) -> Asked:
        """The codes that a plan asks for; without a length, the model ends them itself."""
        caption, lyrics = self._words(request)
        seconds = plan.duration or request.duration
        unguided = prompts.unguided_prompt(
            caption, lyrics, request.lm_negative_prompt, legacy=request.lm_use_legacy_cfg_prompt
        )
        return Asked(
            prompt=self._pieces(prompts.codes_prompt(caption, lyrics, metadata_of(plan))),
            unguided=self._pieces(unguided),
            scale=request.lm_cfg_scale,
            sampling=_sampling(request),
            count=max(1, int(seconds * CODES_A_SECOND)) if seconds else None,
            fewest=int(TRAINED_SECONDS[0] * CODES_A_SECOND),
            most=self.longest * CODES_A_SECOND,
        )

    # --- words -------------------------------------------------------------------------------------------------------

    def sample(self, request: Request, query: str, *, seed: int, sampling: Sampling) -> Work:
        """A sentence to a whole song description; of the request, language and whether anybody sings hold."""
        instrumental = request.instrumental
        unknown = request.vocal_language == UNKNOWN_LANGUAGE
        given = {} if unknown else {"language": request.vocal_language}
        prompt = self._pieces(prompts.sample_prompt(self._cut(query, MOST_CAPTION), instrumental=instrumental))
        constrained = request.use_constrained_decoding
        plan = yield from self._words_of(prompt, given, seed, sampling, MOST_TOKENS, constrained)
        lyrics = plan.lyrics or (INSTRUMENTAL if instrumental else "")
        return replace(plan, lyrics=lyrics, instrumental=instrumental)

    def format(self, request: Request, *, seed: int, sampling: Sampling) -> Work:
        """Caption and lyrics, polished; what the person set stays as it is."""
        given = {name: value for name, value in known(request).items() if name != "caption"}
        caption, lyrics = self._words(request)
        prompt = self._pieces(prompts.format_prompt(caption, lyrics))
        constrained = request.use_constrained_decoding
        plan = yield from self._words_of(prompt, given, seed, sampling, MOST_TOKENS, constrained)
        return replace(plan, caption=plan.caption or request.caption, lyrics=plan.lyrics or request.lyrics)

    def understand(self, request: Request, codes: tuple[int, ...], *, seed: int, sampling: Sampling) -> Work:
        """Codes to caption, lyrics and metadata; no codes at all invent a song."""
        prompt = self._pieces(prompts.understand_prompt(prompts.code_string(codes)))
        constrained = request.use_constrained_decoding
        plan = yield from self._words_of(prompt, {}, seed, sampling, MOST_WORDS_TOKENS, constrained)
        return replace(plan, codes=codes)

    def _words_of(
        self,
        prompt: list[list[int]],
        given: Mapping[str, Any],
        seed: int,
        sampling: Sampling,
        most: int,
        constrained: bool,
    ) -> Work:
        """Reasoning, and then lyrics."""
        grammar = self._rules(given, on=True, constrained=constrained)
        text = yield from self._write(prompt, grammar, seed, sampling, most, 0)
        found = reasoning.read(text)
        if not found.metadata and not found.lyrics:
            raise RenderFailed("The planner wrote nothing that can be read.", "Try another seed, or other words.")
        return Plan.of(replace(found, metadata={**found.metadata, **given}, codes=()), seed)

    # --- how ---------------------------------------------------------------------------------------------------------

    def _write(
        self, prompt: list[list[int]], grammar: Grammar, seed: int, sampling: Sampling, most: int, ahead: int
    ) -> Generator[Progress, None, str]:
        """One row of text; ``ahead`` are tokens that come after it, for the progress alone."""
        row = Row(grammar)
        draws = Draws(seed, TEXT, self._decoder.device)
        for written in self._decoder.text(prompt, [row], [draws], sampling, most):
            yield Progress("planner", written, most + ahead)
        text: str = self._tokenizer.decode(row.ids, skip_special_tokens=False)
        _log.debug("The planner wrote, constrained %s: %r", grammar.constrained, text)
        return text

    def _grammar(self, request: Request, given: Mapping[str, Any], skipped: frozenset[str]) -> Grammar:
        return self._rules(given, skipped=skipped, constrained=request.use_constrained_decoding)

    def _rules(
        self,
        given: Mapping[str, Any],
        *,
        skipped: frozenset[str] = frozenset(),
        on: bool = False,
        constrained: bool = True,
    ) -> Grammar:
        shorter = self.longest < LONGEST
        return Grammar(
            vocabulary=self._decoder.vocabulary,
            encode=self._encode,
            given={name: " ".join(str(value).split("\n")) for name, value in given.items()},
            skipped=skipped,
            on=on,
            constrained=constrained,
            durations=trie_of(self._tokenizer, "duration", self.longest) if shorter else None,
        )

    def _pieces(self, pieces: prompts.Pieces) -> list[list[int]]:
        return [self._encode(piece) for piece in pieces]

    def _words(self, request: Request) -> tuple[str, str]:
        """Caption and lyrics as the planner reads them: the person's own."""
        return self._cut(request.caption, MOST_CAPTION), self._cut(request.lyrics, MOST_LYRICS)

    def _cut(self, text: str, most: int) -> str:
        """The beginning of a text, of so many tokens."""
        if len(text) <= most:
            return text
        offsets = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return text if len(offsets) <= most else text[: offsets[most][0]]

    @staticmethod
    def _ahead(request: Request, most: int) -> int:
        return most if not request.duration else int(request.duration * CODES_A_SECOND)


def _network(component: Component[LMConfig], found: Mapping[str, StoredTensor], like: torch.Tensor) -> PlannerLM:
    """A planner's network, ready to write."""
    rows = found["embed_tokens.weight"].shape[0]
    network = build(lambda: PlannerLM(component.config, rows), like.device, like.dtype)
    fill(network, found)
    prepare(network)
    return network


def _sampling(request: Request) -> Sampling:
    return Sampling(request.lm_temperature, request.lm_top_k, request.lm_top_p, request.lm_repetition_penalty)
