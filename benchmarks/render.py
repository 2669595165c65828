"""A whole song, from text to samples, beside ``AceStepPipeline``: cold, warm, again, and as a batch."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import targets
from benchmarks.bench import DTYPES, Bench
from benchmarks.loops import SHIFT, STEPS
from benchmarks.memory import in_child
from benchmarks.peers import have_diffusers, quiet
from benchmarks.rows import Area, Row
from engine.pipeline import Engine
from engine.request import Request
from engine.take import Take
from engine.testing import make_checkpoint

CAPTION = "slow synthwave, warm analogue pads, a lonely saxophone, number {:04d}"
LYRICS = "[Verse]\nThe river carries all the lights of the town away\n[Chorus]\nand away, and away, and away\n" * 8
LANGUAGE = "en"
_NAMES = {"bf16": "bfloat16", "fp32": "float32"}


@dataclass(frozen=True)
class Sizes:
    """What to run."""

    size: str = "small"
    seconds: float = 30
    batch: int = 4
    cold: bool = True

    @classmethod
    def quick(cls) -> Sizes:
        """Sizes that show that everything runs, and no more."""
        return cls("tiny", 6, 2, cold=False)


class OURS:
    """Our engine on a set in ``folder/official``."""

    def __init__(self, folder: Path, seconds: float, dtype: str) -> None:
        self.engine = Engine.load(folder / "official", device="cpu", dtype=_NAMES[dtype])
        self.seconds, self.number = seconds, 0

    def fresh(self, batch: int = 1) -> Tensor:
        """Renders a caption that was never seen before: ``[B, channels, samples]``."""
        self.number += 1
        return torch.stack([take.audio for take in self.takes(self.number, batch)])

    def takes(self, number: int, batch: int = 1) -> list[Take]:
        """Renders a caption by its number."""
        request = Request(
            caption=CAPTION.format(number),
            lyrics=LYRICS,
            vocal_language=LANGUAGE,
            duration=self.seconds,
            inference_steps=STEPS,
            shift=SHIFT,
            seeds=tuple(range(batch)),
        )
        return self.engine.render(request, noise=noise_of(self.seconds, batch))


class PEER:
    """``AceStepPipeline`` on the same weights in ``folder/diffusers``."""

    def __init__(self, folder: Path, seconds: float, dtype: str) -> None:
        from diffusers import AceStepPipeline

        quiet()
        self.pipe = AceStepPipeline.from_pretrained(folder / "diffusers", dtype=DTYPES[dtype])
        self.pipe.set_progress_bar_config(disable=True)
        self.pipe.vae.enable_tiling()
        self.seconds, self.number = seconds, 0

    def fresh(self, batch: int = 1) -> Tensor:
        """Renders a caption that was never seen before: ``[B, channels, samples]``."""
        self.number += 1
        audio: Tensor = self.pipe(
            prompt=[CAPTION.format(self.number)] * batch,
            lyrics=[LYRICS] * batch,
            vocal_language=LANGUAGE,
            audio_duration=self.seconds,
            num_inference_steps=STEPS,
            guidance_scale=1.0,
            shift=SHIFT,
            latents=noise_of(self.seconds, batch),
        ).audios
        return audio


def noise_of(seconds: float, batch: int) -> Tensor:
    """The noise that both start from ``[B, T, 64]``, float32."""
    return torch.randn(batch, round(25 * seconds), 64, generator=torch.Generator().manual_seed(7))


def run(bench: Bench, sizes: Sizes) -> list[Area]:
    """All tables of this area."""
    dtype = bench.dtypes[0]
    with tempfile.TemporaryDirectory(prefix="acetui-bench-") as name:
        folder = Path(name)
        bench.say(f"writing a {sizes.size} set twice")
        make_checkpoint(folder / "official", sizes.size, lm=False)
        peers = have_diffusers()
        if peers:
            make_checkpoint(folder / "diffusers", sizes.size, lm=False, format="diffusers")
        cold = [_cold(bench, sizes, folder, dtype, peers)] if sizes.cold and not bench.budget.over else []
        ours = OURS(folder, sizes.seconds, dtype)
        peer = PEER(folder, sizes.seconds, dtype) if peers else None
        return [*cold, _warm(bench, sizes, ours, peer, dtype), _again(ours), _batches(bench, sizes, ours, peer)]


def _cold(bench: Bench, sizes: Sizes, folder: Path, dtype: str, peers: bool) -> Area:
    area = Area(f"First render in a new process: {sizes.seconds:g} s of audio, {sizes.size} set, {dtype}")
    sides = ("ours", "peer") if peers else ("ours",)
    rounds: list[list[dict[str, Any]]] = []
    for _ in range(2):
        if rounds and bench.budget.over:
            break
        bench.say("first render in a new process")
        rounds.append(
            [
                in_child("first_render", side=side, folder=str(folder), seconds=sizes.seconds, dtype=dtype)
                for side in sides
            ]
        )
    keys = (("imports and load", "load"), ("first render", "first"), ("second render, another caption", "second"))
    for what, key in keys:
        area.rows.append(_cold_row(what, [[side[key] for side in each] for each in rounds]))
    area.rows.append(
        _cold_row("all, to the first samples", [[side["load"] + side["first"] for side in each] for each in rounds])
    )
    area.rows.append(_cold_row("peak memory, more than loaded", [[s["growth"] for s in r] for r in rounds], "bytes"))
    area.rows.append(_cold_row("peak memory of the process", [[s["absolute"] for s in r] for r in rounds], "bytes"))
    return area


def _cold_row(what: str, rounds: list[list[float]], unit: str = "s") -> Row:
    """The best of the rounds on either side: the first round also warmed the page cache."""
    best = [min(side) for side in zip(*rounds, strict=True)]
    return Row(what, best[0], best[1] if len(best) > 1 else None, unit)


def _warm(bench: Bench, sizes: Sizes, ours: OURS, peer: PEER | None, dtype: str) -> Area:
    area = Area("Text to samples, warm, a new caption every time")
    bench.race(area, f"{sizes.seconds:g} s {dtype}", ours.fresh, peer.fresh if peer else None, seconds=25)
    area.notes.append("Both start from the same noise and set the peak to -1 dBFS.")
    area.notes.append(
        "In bfloat16 the peer rounds 1000 t, so the two songs drift apart; float32 shows that they are the same."
    )
    return area


def _again(ours: OURS) -> Area:
    """The same plan twice: no prompt is encoded a second time."""
    number = 5000
    first = ours.takes(number)[0].timings["conditions"]
    encoded = ours.engine.conditions.encoded
    second = ours.takes(number)[0].timings["conditions"]
    area = Area("The same plan, second batch", ("second batch", "first batch"))
    area.rows.append(Row("conditions", second, first))
    again = float(ours.engine.conditions.encoded - encoded)
    area.rows.append(Row("prompts encoded", again, 1.0, unit="", target=targets.NOT_AGAIN))
    area.notes.append("What is left of the second batch's conditions embeds the times and projects the context.")
    return area


def _batches(bench: Bench, sizes: Sizes, ours: OURS, peer: PEER | None) -> Area:
    """One batch against as many single renders, each of a caption of its own."""
    area = Area(f"A batch of {sizes.batch} takes and as many single renders", ("batch", "singles"))
    for name, side in (("ours", ours), ("diffusers", peer)):
        if side is None:
            continue
        bench.race(
            area,
            f"{name}, {sizes.seconds:g} s each",
            partial(side.fresh, sizes.batch),
            partial(_singles, side, sizes.batch),
            seconds=40,
            warmed=True,
            target=targets.CHEAPER if name == "ours" else None,
            compare=False,
        )
    area.notes.append(
        "Every single has a caption of its own. On CPU takes of one plan share its conditions and nothing else."
    )
    return area


def _singles(side: OURS | PEER, count: int) -> list[Tensor]:
    return [side.fresh() for _ in range(count)]
