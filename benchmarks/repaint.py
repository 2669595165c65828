"""Ten seconds of a long take made anew, beside a whole take of that length, stage by stage; both warm."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import targets
from benchmarks.bench import Bench
from benchmarks.rows import Area, Row
from engine.pipeline import Engine
from engine.protocol import Output
from engine.request import Request
from engine.take import Take
from engine.take_files import write_take
from engine.testing import make_checkpoint

STEPS = 8
REGION = 10.0
STAGES = {"conditions": "reading and conditions", "sampling": "sampling", "decode": "decoding"}
_NAMES = {"bf16": "bfloat16", "fp32": "float32"}


@dataclass(frozen=True)
class Sizes:
    """What to run."""

    size: str = "small"
    seconds: float = 240.0

    @classmethod
    def quick(cls) -> Sizes:
        """Sizes that show that everything runs, and no more."""
        return cls("tiny", 1.5)


def run(bench: Bench, sizes: Sizes) -> list[Area]:
    """The table."""
    dtype = bench.dtypes[0]
    with tempfile.TemporaryDirectory(prefix="acetui-bench-") as name:
        folder = Path(name)
        make_checkpoint(folder / "models", size=sizes.size, lm=False)
        engine = Engine.load(folder / "models", device=bench.device.type, dtype=_NAMES[dtype])
        whole = Request(caption="slow synthwave", duration=sizes.seconds, inference_steps=STEPS, seeds=(1,))
        engine.render(whole.replace(duration=1, inference_steps=1))
        bench.say(f"a take of {sizes.seconds:g} s")
        take, peer = _stages(engine, whole)
        files = write_take(take, Output(name, "parent", keep_latents=True))["files"]
        part = whole.replace(
            task_type="repaint",
            duration=None,
            src_audio=files["audio"],
            src_latents=files["latents"],
            repainting_start=sizes.seconds / 3,
            repainting_end=sizes.seconds / 3 + min(REGION, sizes.seconds / 3),
        )
        bench.say(f"{REGION:g} s of it anew")
        engine.render(part.replace(inference_steps=1))  # the source is read once, however many batches follow
        _, ours = _stages(engine, part)
    rows = [
        Row(f"{words} {dtype}", ours[stage], peer[stage]) for stage, words in {**STAGES, "all": "all of it"}.items()
    ]
    share = ours["all"] / ours["sampling"]
    rows.append(Row(f"all of the repaint over its sampling {dtype}", share, unit="x", target=targets.REPAINT))
    length = f"{sizes.seconds:g} s"
    return [Area(f"{REGION:g} s of a take of {length} made anew, and a whole one", ("repaint", "whole"), rows)]


def _stages(engine: Engine, request: Request) -> tuple[Take, dict[str, float]]:
    """A take, and the seconds of every stage and of all."""
    began = time.perf_counter()
    take = engine.render(request)[0]
    return take, {**take.timings, "all": time.perf_counter() - began}
