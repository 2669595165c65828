"""The DiT: single steps, eight-step sampling, batches, and how exact each side is in bfloat16."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks import targets
from benchmarks.bench import DTYPES, Bench, rms_error
from benchmarks.loops import (
    EXACT_TIME,
    PROMPT_TOKENS,
    Inputs,
    our_sampling,
    our_step,
    peer_sampling,
    peer_step,
    prepare,
)
from benchmarks.peers import dit_as, enlarge_norms, have_diffusers, peer_as, peer_dit, random_dit
from benchmarks.rows import Area, Row, Target
from engine.config import DiTConfig
from engine.models.dit import DiT
from engine.testing.sizes import configs

FRAMES_A_SECOND = 25


@dataclass(frozen=True)
class Sizes:
    """What to run. Lengths are seconds of audio; each group of rows has its own list of them."""

    small: DiTConfig
    wide: DiTConfig
    step: tuple[float, ...] = (30, 120, 240, 600)
    batch: int = 4
    batch_step: tuple[float, ...] = (30, 120, 240, 600)
    sampling: tuple[float, ...] = (30, 120, 240, 600)
    wide_step: tuple[float, ...] = (30, 120, 240, 600)
    wide_exact: tuple[float, ...] = (30, 240)
    guarded: tuple[float, ...] = (240,)
    prompt: int = PROMPT_TOKENS

    @classmethod
    def standard(cls) -> Sizes:
        """The proportioned small model, and two layers of real width: one sliding, one full."""
        return cls(small=small_config("small"), wide=DiTConfig(num_hidden_layers=2, is_turbo=True))

    @classmethod
    def quick(cls) -> Sizes:
        """Sizes that show that everything runs, and no more."""
        few = (2, 6)
        return cls(small_config("tiny"), small_config("tiny"), few, 2, few, few, few, few[:1], few[:1], prompt=40)


def small_config(size: str) -> DiTConfig:
    """The DiT of one of ``make_checkpoint``'s sizes."""
    return DiTConfig.from_dict(configs(size, "turbo", {}).dit)


def run(bench: Bench, sizes: Sizes) -> list[Area]:
    """All tables of this area."""
    runners: tuple[Callable[[Bench, Sizes], list[Area]], ...] = (run_wide, run_small)
    return [area for runner in runners for area in runner(bench, sizes)]


def _title(config: DiTConfig) -> str:
    return (
        f"H {config.hidden_size}, {config.intermediate_size} in the MLP, {config.num_hidden_layers} layers, "
        f"{config.num_attention_heads}/{config.num_key_value_heads} heads x {config.head_dim}"
    )


def run_small(bench: Bench, sizes: Sizes) -> list[Area]:
    """Steps in every dtype and as a batch, then sampling; the steps before it have warmed the sampling up."""
    steps = Area(f"DiT, one step: {_title(sizes.small)}, {sizes.prompt} condition tokens")
    batches = Area(f"DiT, one step of a batch of {sizes.batch}: ours item by item, the peer at once")
    sampling = Area("DiT, eight steps from noise to latents")
    exact = _exactness()
    pairs = _Pairs(sizes.small)
    main = bench.dtypes[0]
    for seconds in sizes.step:
        outs = {dtype: _step(bench, steps, pairs, dtype, seconds, sizes, _STEP) for dtype in sorted(bench.dtypes)[::-1]}
        _compare(exact, f"{seconds:g} s", outs, pairs, seconds, sizes, bench)
        if seconds in sizes.sampling:
            _sampling(bench, sampling, pairs, main, seconds, sizes)
        if seconds in sizes.batch_step:
            _step(bench, batches, pairs, main, seconds, sizes, _BATCH, batch=sizes.batch)
        if seconds in sizes.guarded and not bench.budget.over:
            large = _Pairs(sizes.small, gain=_LARGE_NORMS)
            _step(
                bench,
                steps,
                large,
                main,
                seconds,
                sizes,
                _STEP,
                "large norm weights: all keys looked at twice",
            )
    sampling.notes.append(
        "Ours includes what it prepares once (times, context, the prompt's keys and values) and knows the peer's steps."
    )
    return [steps, batches, sampling, exact]


def run_wide(bench: Bench, sizes: Sizes) -> list[Area]:
    """Single steps of real width in bfloat16."""
    area = Area(f"DiT at real width, one step: {_title(sizes.wide)}")
    exact = _exactness()
    dtype = "bf16" if "bf16" in bench.dtypes else bench.dtypes[0]
    pairs = _Pairs(sizes.wide)
    for seconds in sizes.wide_step:
        target = targets.WIDE.get(seconds) if dtype == "bf16" else None
        out = _step(bench, area, pairs, dtype, seconds, sizes, _WIDE, target=target)
        if seconds in sizes.wide_exact:
            _compare(exact, f"real width, {seconds:g} s", {dtype: out}, pairs, seconds, sizes, bench)
    area.notes.append("With 2 layers of 24, what is done once a step counts 12 times too much: at 30 s an upper bound.")
    return [area, exact]


# Seconds that a race is given, by seconds of audio; longer audio takes the next larger entry.
_STEP = {30: 3, 120: 7, 240: 14, 600: 30}
_WIDE = {30: 6, 120: 14, 240: 30, 600: 75}
_SAMPLING = {30: 10, 120: 20, 240: 72, 600: 120}
_BATCH = {30: 6, 120: 14, 240: 24, 600: 30}

_LARGE_NORMS = 6.0
"""Of the queries' norm weights: enough for the bound on scores to be of no use, so that all keys are looked at."""


def _given(table: dict[int, int], seconds: float) -> float:
    return next((given for length, given in table.items() if seconds <= length), max(table.values()))


class _Pairs:
    """Both sides' networks, made when first asked for, all with the same weights."""

    def __init__(self, config: DiTConfig, gain: float = 1.0) -> None:
        self.config = config
        exact = random_dit(config, torch.device("cpu"), torch.float32)
        if gain != 1:
            enlarge_norms(exact, gain)
        self._ours = {"fp32": exact}
        self._peers: dict[str, torch.nn.Module] = {"fp32": peer_dit(exact)} if have_diffusers() else {}

    def ours(self, dtype: str) -> DiT:
        """Our DiT in a dtype."""
        if dtype not in self._ours:
            self._ours[dtype] = dit_as(self._ours["fp32"], DTYPES[dtype])
        return self._ours[dtype]

    def peer(self, dtype: str) -> torch.nn.Module | None:
        """Diffusers' in a dtype; None without diffusers."""
        if dtype not in self._peers and self._peers:
            self._peers[dtype] = peer_as(self._peers["fp32"], DTYPES[dtype])
        return self._peers.get(dtype)

    def inputs(self, seconds: float, dtype: str, sizes: Sizes, batch: int = 1) -> Inputs:
        """What both are given."""
        frames = round(seconds * FRAMES_A_SECOND)
        return Inputs.random(self.config, frames, batch, torch.device("cpu"), sizes.prompt).to(DTYPES[dtype])


def _step(
    bench: Bench,
    area: Area,
    pairs: _Pairs,
    dtype: str,
    seconds: float,
    sizes: Sizes,
    given: dict[int, int],
    label: str = "",
    *,
    batch: int = 1,
    target: Target | None = None,
) -> tuple[Tensor, Tensor] | None:
    """One step as a row; what both gave, where both ran."""
    ours, peer, inputs = pairs.ours(dtype), pairs.peer(dtype), pairs.inputs(seconds, dtype, sizes, batch)
    prepared = prepare(ours, inputs, [EXACT_TIME])
    found = bench.race(
        area,
        ", ".join(filter(None, (f"{seconds:g} s {dtype}", label))),
        lambda: our_step(ours, inputs, prepared),
        (lambda: peer_step(peer, inputs)) if peer else None,
        seconds=_given(given, seconds),
        target=target,
    )
    return (found.our_output, found.peer_output) if found and found.peer else None


def _sampling(bench: Bench, area: Area, pairs: _Pairs, dtype: str, seconds: float, sizes: Sizes) -> None:
    ours, peer, inputs = pairs.ours(dtype), pairs.peer(dtype), pairs.inputs(seconds, dtype, sizes)
    bench.race(
        area,
        f"{seconds:g} s {dtype}",
        lambda: our_sampling(ours, inputs),
        (lambda: peer_sampling(peer, inputs)) if peer else None,
        seconds=_given(_SAMPLING, seconds),
        target=targets.SAMPLING.get(seconds) if dtype == "bf16" else None,
        warmed=True,
    )


def _exactness() -> Area:
    area = Area("DiT in bfloat16: rms error against the peer in float32, of its rms", ("ours", "peer"))
    area.notes.append(f"At t = {EXACT_TIME}, exact in bfloat16, so is 1000 t; below 1x, ours is further off.")
    return area


def _compare(
    area: Area,
    what: str,
    outs: dict[str, tuple[Tensor, Tensor] | None],
    pairs: _Pairs,
    seconds: float,
    sizes: Sizes,
    bench: Bench,
) -> None:
    """A row of rms errors; the float32 peer is run once where no race has."""
    rounded, exact = outs.get("bf16"), outs.get("fp32")
    if rounded is None or bench.budget.over:
        return
    peer = pairs.peer("fp32")
    reference = exact[1] if exact else peer_step(peer, pairs.inputs(seconds, "fp32", sizes))
    ours, theirs = (100 * rms_error(each, reference) for each in rounded)
    area.rows.append(Row(what, ours, theirs, unit="%"))
