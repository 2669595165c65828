"""The planner, beyond its peer: what a draft ahead of it brings, and what a batch does to codes in bfloat16.

There are no small and large planners with random weights that think alike, so they are made: the draft is the first
third of the large one's layers, and what the others add is scaled until the two agree as often as is wanted.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import torch
from torch import Tensor

from benchmarks.bench import DTYPES, Bench, deviation
from benchmarks.planner import SAMPLING, SCALE, Sizes, random_lm, vocabulary_of
from benchmarks.rows import Area, Row
from engine.config import LMConfig
from engine.models.planner_lm import PlannerLM
from engine.models.steady import prepare
from engine.planner.ahead import Ahead
from engine.planner.decode import Asked, CodeRow, Decoder
from engine.planner.draws import Draws, choose

DRAWS = 40
"""Of each code, to see how often another one comes out."""

KERNELS = (("laid out", True, True), ("stock products", False, False), ("one of each", True, False))
"""What computes the batch and what computes its rows alone: the last is what it would be if kernels differed."""

ADDED = (1.0, 0.1, 0.0)
"""What the layers that the draft has not add, of what they would."""


def run(bench: Bench, sizes: Sizes) -> list[Area]:
    """Both; each only where nothing else is wanted or its part is named."""
    drafts = Area("The planner with a draft of a third of its layers: a code, fp32")
    drafts.notes.append("The peer is the same planner alone. All codes are the same with and without.")
    company = Area("The planner in bfloat16: codes that depend on who is in the batch")
    with torch.no_grad():
        for batch in bench.of_these((1, max(sizes.batches)), "drafts {}"):
            for added in ADDED:
                bench.say(f"a draft, batch {batch}, {added:g} of the other layers")
                drafts.rows.append(_drafted(bench, sizes, batch, added))
        for batch in bench.of_these((max(sizes.batches),), "company {}"):
            for what, *laid_out in KERNELS:
                bench.say(f"batch {batch} in bfloat16, {what}")
                company.rows.append(_company(bench, sizes, batch, what, *laid_out))
    return [drafts, company]


def _drafted(bench: Bench, sizes: Sizes, batch: int, added: float) -> Row:
    large = random_lm(sizes.config, torch.float32, bench.device)
    count = max(1, sizes.config.num_hidden_layers // 3)
    for layer in large.in_order()[count:]:
        for part in (layer.self_attn.o_proj, layer.mlp.down_proj):
            part.weight.mul_(added)
    draft = _first_layers(large, replace(sizes.config, num_hidden_layers=count))
    ahead = Ahead(decoder_of(large, sizes), decoder_of(draft, sizes))
    asked = asked_for(sizes, 3 * sizes.tokens)
    alone, drafted = [], []
    for _ in range(2 if bench.budget.scale else 1):
        rows, both = rows_for(bench, range(batch)), rows_for(bench, range(batch))
        alone.append(_seconds(ahead.large, asked, rows))
        drafted.append(_seconds(ahead, asked, both))
        assert [row.codes for row in rows] == [row.codes for row in both]
    return Row(
        f"batch {batch}, {added:g} added",
        median(drafted),
        median(alone),
        ratios=tuple(one / other for one, other in zip(alone, drafted, strict=True)),
        note=f"{100 * ahead.tally.share:.0f} % of the draft's codes taken",
    )


def _company(bench: Bench, sizes: Sizes, batch: int, what: str, batched: bool, alone: bool) -> Row:
    """Draws that come out differently where the same codes were written in a batch and alone."""
    decoders = {
        ready: decoder_of(random_lm(sizes.config, DTYPES["bf16"], bench.device), sizes, ready=ready)
        for ready in {batched, alone}
    }
    asked = asked_for(sizes, sizes.tokens)
    songs = torch.randint(0, sizes.codes, (batch, asked.last), generator=torch.Generator().manual_seed(2)).tolist()
    together = _logits(decoders[batched], asked, songs)
    numbers = torch.arange(sizes.codes, dtype=torch.int32, device=bench.device)
    draws = [Draws(seed, 1, bench.device) for seed in range(DRAWS)]
    apart, drawn, changed = 0.0, 0, 0
    for place, song in enumerate(songs):
        by_itself = _logits(decoders[alone], asked, [song])
        for step, (one, beside) in enumerate(zip(by_itself[:, 0], together[:, place], strict=True)):
            apart = max(apart, deviation(beside, one))
            places = [[choose(each.clone(), numbers, SAMPLING, by, step) for by in draws] for each in (one, beside)]
            drawn += len(draws)
            changed += sum(a != b for a, b in zip(*places, strict=True))
    note = f"{changed} of {drawn} draws"
    return Row(f"batch {batch}, {what}", 100 * changed / drawn, unit="%", apart=apart, note=note)


def _logits(decoder: Decoder, asked: Asked, songs: Sequence[Sequence[int]]) -> Tensor:
    """The logits ``[steps, songs, codes]`` before each code of songs that go through the network together."""
    read = decoder.behind(asked)
    lanes = [lane.copies(len(songs), lane.length + asked.last) for lane, _ in read]
    hidden, found = torch.cat([last.expand(len(songs), -1) for _, last in read]), []
    for step in range(asked.last):
        found.append(decoder.code_logits(asked, hidden))
        tokens = decoder.tokens_of([song[step] for song in songs]) * len(lanes)
        hidden = decoder.network.step(torch.tensor(tokens, device=decoder.device), lanes)
    return torch.stack(found)


def _first_layers(large: PlannerLM, config: LMConfig) -> PlannerLM:
    draft = random_lm(config, large.head.dtype, large.head.device)
    state = large.state_dict()
    draft.load_state_dict({name: state[name] for name in draft.state_dict()})
    return draft


def decoder_of(network: PlannerLM, sizes: Sizes, *, ready: bool = True) -> Decoder:
    """A network with its vocabulary; where it is not made ``ready``, it computes as its weights lie."""
    if ready:
        prepare(network)
    return Decoder(network, vocabulary_of(sizes))


def asked_for(sizes: Sizes, count: int) -> Asked:
    """So many codes behind random prompts."""
    words = torch.randint(0, sizes.end, (2, sizes.prompt), generator=torch.Generator().manual_seed(1)).tolist()
    return Asked((words[0],), (words[1][: sizes.unguided],), SCALE, SAMPLING, count=count)


def rows_for(bench: Bench, seeds: Sequence[int]) -> list[CodeRow]:
    """A row for each seed."""
    return [CodeRow(Draws(seed, 0, bench.device)) for seed in seeds]


def _seconds(writer: Decoder | Ahead, asked: Asked, rows: list[CodeRow]) -> float:
    """Seconds a code of each row, once the first are there."""
    steps = writer.codes(asked, rows)
    next(steps)
    began = time.perf_counter()
    for _ in steps:
        pass
    return (time.perf_counter() - began) / (asked.last - 1)
