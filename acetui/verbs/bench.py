"""``acetui bench``: how fast this machine is, stage by stage, cold and warm. What it finds is kept for estimates."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from acetui.verbs.parsing import MODEL_FLAGS
from acetui.verbs.render import with_seeds
from acetui.verbs.report import HumanReport, JsonReport, Report, sketch_notice
from engine import Request
from engine.memory import Cards, cores, memory_bytes, processor
from engine.process import EngineProcess
from engine.protocol import Loaded, Output, ProgressEvent, TakeEvent
from sessions.bench import Bench, keep, timings_of
from sessions.eta import Eta
from sessions.memory_watch import resident_bytes
from sessions.places import state_folder

_CAPTION = "warm downtempo electronica, round bass, soft brushed drums, rhodes, calm evening mood"
_LYRICS = "[verse]\nThe lights go down along the river\nand every window holds a star\n[chorus]\nStay a little longer"

_GB = 2**30


def run(args: argparse.Namespace) -> int:
    """The verb: 0 once there is a table; raises what the engine raises."""
    report: Report = JsonReport() if args.json else HumanReport()
    try:
        found = asyncio.run(_measure(args, report))
    finally:
        report.close()
    path = keep(found, state_folder())
    if args.json:
        print(json.dumps({"event": "bench", **found.object()}), flush=True)
    else:
        print(found.table(), flush=True)
        print(f"\nKept in {path}; estimates of how long takes will take go by it.", file=sys.stderr)
    return 0


async def _measure(args: argparse.Namespace, report: Report) -> Bench:
    model = {name: getattr(args, name) for name in MODEL_FLAGS}
    asked = Request(caption=_CAPTION, lyrics=_LYRICS, duration=args.seconds, batch_size=args.batch, bpm=96)
    if args.steps is not None:
        asked = asked.replace(inference_steps=args.steps)
    eta = await asyncio.to_thread(Eta.open, state_folder())
    starts: list[dict[str, float]] = []
    batches: list[dict[str, float]] = []
    resolved: dict[str, Any] = {}
    for first in (True, False):  # an engine that starts a second time finds its files in the system's memory
        began = time.perf_counter()
        async with EngineProcess.start(log=sys.stderr.buffer if args.debug else None) as engine:
            started = time.perf_counter()
            loaded = await engine.load(**model, progress=lambda event: _show(event, report))
            starts.append({"start": started - began, "load": time.perf_counter() - started})
            eta.learn_load(loaded.identity, loaded.seconds)
            if not first:
                break
            if sketch := sketch_notice(loaded.profile):
                report.notice(sketch)
            for _ in range(1 + args.rounds):
                batches.append(await _batch(engine, with_seeds(asked), eta, report, resolved))
            peak = await asyncio.to_thread(_most_memory, engine.pid)
    await asyncio.to_thread(eta.save)
    return _found(loaded, resolved, starts, batches, args, peak)


def _most_memory(pid: int) -> int | None:
    """Bytes that a process had at most: of its card where the driver tells, else of the computer's memory."""
    cards = Cards()
    try:
        taken = [each.used or 0 for card in cards.look() for each in card.tenants if each.pid == pid]
    finally:
        cards.close()
    if any(taken):  # what torch has taken of a card it keeps
        return sum(taken)
    with contextlib.suppress(OSError, ValueError, StopIteration):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
        return 1024 * int(next(line for line in status if line.startswith("VmHWM:")).split()[1])
    return resident_bytes(pid)


async def _batch(
    engine: EngineProcess, request: Request, eta: Eta, report: Report, resolved: dict[str, Any]
) -> dict[str, float]:
    """One batch into a folder that is gone afterwards."""
    takes: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="acetui-bench-") as folder:
        began = time.perf_counter()
        events = engine.render(request.to_dict(), Output(folder, "{seed}"))
        async with contextlib.aclosing(events):
            async for event in events:
                if isinstance(event, TakeEvent):
                    takes.append(event.take)
                elif isinstance(event, ProgressEvent):
                    _show(event, report)
        elapsed = time.perf_counter() - began
    for take in takes:
        eta.learn(take)
    resolved.update(takes[0]["request"], identity=takes[0]["identity"])
    return timings_of(takes, elapsed)


def _show(event: ProgressEvent, report: Report) -> None:
    report.progress(event.stage, event.done, event.total, event.take)


def _found(
    loaded: Loaded,
    resolved: dict[str, Any],
    starts: list[dict[str, float]],
    batches: list[dict[str, float]],
    args: argparse.Namespace,
    peak: int | None,
) -> Bench:
    named = ("task_type", "inference_steps", "guidance_scale", "shift", "infer_method", "thinking")
    return Bench(
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        machine={"processor": processor(), "cores": cores(), "memory_gb": round(memory_bytes() / _GB, 1)},
        identity=loaded.identity,
        request={name: resolved.get(name) for name in named},
        size=args.batch,
        seconds=args.seconds,
        starts=starts,
        batches=batches,
        peak_gb=None if peak is None else round(peak / _GB, 2),
    )
