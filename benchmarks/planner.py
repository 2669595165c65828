"""The planner: audio codes a second, beside ``transformers.generate`` with a logits processor that does the same job.

Both have the same weights, and draw by the same function: what is compared is the network and the loop around it. The
peer keeps its keys and values in whichever of its caches is the faster one. Prefill and decode are told apart by the
moments at which the first and the last codes are there.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks import targets
from benchmarks.bench import DTYPES, Bench, deviation
from benchmarks.peers import rows_of
from benchmarks.rows import Area, Row
from engine.config import LMConfig
from engine.models.loading import build, slots
from engine.models.planner_lm import PlannerLM
from engine.models.steady import prepare
from engine.planner.decode import Asked, CodeRow, Decoder
from engine.planner.draws import Draws, Sampling, choose, guided
from engine.planner.vocabulary import Vocabulary

SCALE = 2.0
SAMPLING = Sampling()
CACHES = ("dynamic", "static")
"""The peer's."""


@dataclass(frozen=True)
class Sizes:
    """What to run."""

    config: LMConfig
    end: int
    first_code: int
    codes: int
    batches: tuple[int, ...] = (1, 2, 4, 8)
    tokens: int = 12
    prompt: int = 64
    unguided: int = 40
    long_prompt: int = 300
    """What a person's words really come to; a peer's batch of it would take minutes."""

    dtypes: tuple[str, ...] = ("fp32",)

    @classmethod
    def standard(cls) -> Sizes:
        """The smallest planner at its true size."""
        return cls(LMConfig(), end=151645, first_code=151669, codes=64000)

    @classmethod
    def quick(cls) -> Sizes:
        """Sizes that show that everything runs, and no more."""
        config = LMConfig(
            vocab_size=700,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
        )
        return cls(config, end=500, first_code=510, codes=128, batches=(1, 2), tokens=4, prompt=12, unguided=7)


@dataclass(frozen=True)
class Timed:
    """Seconds up to the first codes, seconds a step after them, and the first step's guided logits."""

    prefill: float
    step: float
    logits: Tensor


def random_lm(config: LMConfig, dtype: torch.dtype, device: torch.device) -> PlannerLM:
    """A planner with random weights under which activations stay of order one."""
    network = build(lambda: PlannerLM(config, config.vocab_size), device, dtype)
    generator = torch.Generator(device).manual_seed(0)
    for name, slot in slots(network).items():
        view = rows_of(slot)
        if name.endswith("norm.weight"):
            view.normal_(1.0, 0.1, generator=generator)
        else:
            gain = 0.5 if name.endswith(("o_proj.weight", "down_proj.weight")) else 1.0
            view.normal_(0.0, gain * view.shape[-1] ** -0.5, generator=generator)
    return network


def peer_lm(network: PlannerLM) -> Any:
    """The peer's model of the very same tensors."""
    from transformers.models.qwen3 import Qwen3Config, Qwen3ForCausalLM

    sizes = asdict(network.config) | {"vocab_size": network.embed_tokens.num_embeddings, "hidden_act": "silu"}
    config = Qwen3Config(**sizes, eos_token_id=None, pad_token_id=0)
    config._attn_implementation = "sdpa"
    with torch.device("meta"):
        peer = Qwen3ForCausalLM(config)
    state = {f"model.{name}": rows_of(slot) for name, slot in slots(network).items()}
    state["lm_head.weight"] = network.head
    peer.load_state_dict(state, strict=False, assign=True)
    peer.model.rotary_emb = type(peer.model.rotary_emb)(config).to(network.head.device)
    return peer.requires_grad_(False).eval()


def vocabulary_of(sizes: Sizes) -> Vocabulary:
    """The ids alone; no text is written here."""
    return Vocabulary(
        end=sizes.end,
        think=sizes.end + 1,
        think_end=sizes.end + 2,
        newline=0,
        codes=tuple(range(sizes.first_code, sizes.first_code + sizes.codes)),
        text=((0, sizes.end),),
        with_newline=(),
        indented=(),
        uncaptioned=(),
        names={},
        tries={},
    )


class Pair:
    """Both sides with one set of weights."""

    def __init__(self, sizes: Sizes, dtype: str, device: torch.device) -> None:
        self.sizes, self.device = sizes, device
        network = random_lm(sizes.config, DTYPES[dtype], device)
        self.parameters = sum(parameter.numel() for parameter in network.parameters())
        self.peer = peer_lm(network)
        prepare(network)
        self.decoder = Decoder(network, vocabulary_of(sizes))
        self.caches: dict[int, str] = {}
        generator = torch.Generator().manual_seed(1)
        self.words = torch.randint(0, sizes.end, (2, sizes.long_prompt), generator=generator).tolist()

    def asked(self, prompt: int) -> Asked:
        """Codes behind so long a prompt."""
        cond, uncond = self.words[0][:prompt], self.words[1][: self.sizes.unguided]
        return Asked((cond,), (uncond,), SCALE, SAMPLING, count=self.sizes.tokens)

    def ours(self, batch: int, prompt: int) -> Timed:
        """One run of ours, the prompts read anew."""
        self.decoder.forget()
        rows = [CodeRow(Draws(seed, 0, self.device)) for seed in range(batch)]
        stamps = [time.perf_counter()]
        for _ in self.decoder.codes(self.asked(prompt), rows):
            stamps.append(time.perf_counter())
        lanes = [self.decoder.read(each)[1] for each in (self.asked(prompt).prompt, self.asked(prompt).unguided)]
        head = self.decoder.network.head[self.sizes.first_code : self.sizes.first_code + self.sizes.codes]
        cond, uncond = (self.decoder.network.logits(each, head) for each in lanes)
        return _timed(stamps, uncond + SCALE * (cond - uncond))

    def theirs(self, batch: int, prompt: int) -> Timed:
        """One run of ``generate``, with the cache that suits the batch."""
        if batch not in self.caches:
            tried = {cache: self.generated(batch, prompt, cache).step for cache in CACHES}
            self.caches[batch] = min(tried, key=lambda cache: tried[cache])
        return self.generated(batch, prompt, self.caches[batch])

    def generated(self, batch: int, prompt: int, cache: str) -> Timed:
        """Both prompts of every item are rows, the shorter one padded on its left."""
        cond, uncond = self.words[0][:prompt], self.words[1][: self.sizes.unguided]
        ids = torch.tensor([cond] * batch + [[0] * (prompt - len(uncond)) + uncond] * batch, device=self.device)
        mask = torch.ones_like(ids)
        mask[batch:, : prompt - len(uncond)] = 0
        job = GuidedCodes(self.sizes, batch)
        began = time.perf_counter()
        self.peer.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=self.sizes.tokens,
            do_sample=False,
            logits_processor=[job],
            cache_implementation=cache,
            disable_compile=True,
        )
        assert job.first is not None
        return _timed([began, *job.stamps], job.first[:1])


class GuidedCodes:
    """For ``generate``: guidance of the codes' logits and the draw; both rows of an item get the same token."""

    def __init__(self, sizes: Sizes, batch: int) -> None:
        self._codes = slice(sizes.first_code, sizes.first_code + sizes.codes)
        self._numbers = torch.arange(sizes.first_code, sizes.first_code + sizes.codes, dtype=torch.int32)
        self._draws = [Draws(seed, 0, torch.device("cpu")) for seed in range(batch)]
        self.stamps: list[float] = []
        self.first: Tensor | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """``[2B, vocabulary]`` to the same with one token left."""
        logits = guided(*scores[:, self._codes].float().chunk(2), SCALE)
        if self.first is None:
            self.first = logits.clone()
        step, numbers = len(self.stamps), self._numbers.to(logits.device)
        drawn = [choose(row, numbers, SAMPLING, each, step) for row, each in zip(logits, self._draws, strict=True)]
        tokens = torch.tensor(drawn, device=scores.device).add(self._codes.start).unsqueeze(1)
        out = torch.full_like(scores[: len(drawn)], -torch.inf).scatter(1, tokens, 0.0).repeat(2, 1)
        self.stamps.append(time.perf_counter())
        return out


def _timed(stamps: list[float], logits: Tensor) -> Timed:
    return Timed(stamps[1] - stamps[0], median(after - before for before, after in pairwise(stamps[1:])), logits)


@torch.no_grad()
def run(bench: Bench, sizes: Sizes) -> list[Area]:
    """Decode side by side, and what a batch adds to our prefill."""
    areas = []
    wanted = [*bench.of_these(sizes.batches, "batch {}"), *bench.of_these(sizes.batches, "prefill {}")]
    for dtype in sizes.dtypes if wanted else ():
        pair = Pair(sizes, dtype, bench.device)
        area = Area(f"The planner: a step of guided codes, {pair.parameters / 1e9:.2f} billion parameters, {dtype}")
        area.notes.append("The peer is transformers.generate with a logits processor that guides and draws.")
        for batch in bench.of_these(sizes.batches, "batch {}"):
            if bench.budget.over:
                area.rows.append(Row(f"batch {batch}", note="not run: out of time (--minutes)"))
                continue
            bench.say(f"planner, batch {batch}, {dtype}")
            area.rows.append(_decode(pair, batch, dtype, 3 if bench.budget.scale else 1))
        for batch in bench.of_these((max(sizes.batches),), "prefill {}"):
            area.rows.append(_prefill(pair, batch, 3 if bench.budget.scale else 1))
        areas.append(area)
    return areas


def _decode(pair: Pair, batch: int, dtype: str, turns: int) -> Row:
    prompt = pair.sizes.prompt
    runs = [(pair.ours(batch, prompt), pair.theirs(batch, prompt)) for _ in range(turns)]
    ours, peer = median(o.step for o, _ in runs), median(p.step for _, p in runs)
    target = {1: targets.PLANNER_ALONE, 8: targets.PLANNER_BATCH}.get(batch)
    return Row(
        f"batch {batch} {dtype}",
        ours,
        peer,
        ratios=tuple(p.step / o.step for o, p in runs),
        apart=deviation(runs[0][0].logits, runs[0][1].logits),
        target=target,
        note=f"{batch / ours:.1f} and {batch / peer:.1f} codes a second, its cache {pair.caches[batch]}",
    )


def _prefill(pair: Pair, batch: int, turns: int) -> Row:
    """The prompt is shared: what a batch adds is copies of what was read, and the draws of the first codes."""
    prompt = pair.sizes.long_prompt
    runs = [(pair.ours(1, prompt).prefill, pair.ours(batch, prompt).prefill) for _ in range(turns)]
    ratio = median(many / one for one, many in runs)
    note = f"{median(one for one, _ in runs) * 1e3:.0f} ms alone, with the first codes"
    return Row(f"prefill, batch {batch} over batch 1", ratio, unit="", target=targets.PLANNER_PREFILL, note=note)
