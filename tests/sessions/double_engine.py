"""A scripted double of the engine *protocol*: makes takes of nothing, and fails on command.

``python -m tests.sessions.double_engine PLAN`` reads the plan anew for every job: a JSON file with ``steps`` a take,
``step_seconds``, ``lanes`` ("one" or "all"), ``grow_mb`` a job, ``oom_above`` (by field), ``oom_together``
(unless it was loaded with ``offload`` and without a planner), ``oom_unless`` (it was loaded with these), ``oom_on``
(the only device on which these run out of memory), ``parts``,
``measured`` and ``take_faults`` of its takes (of those whose seed ``faulty_every`` divides), and ``faults``: a
``stage``, what to ``do`` there (die, kill, stall, oom, fail, missing, hold, or a signal to the parent), how many
``times`` (-1 for ever), perhaps in which ``render`` (counted from 1 over all processes) and at which ``take``. What has
happened is counted in files beside it.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from engine.errors import BadCheckpoint, Cancelled, EngineError, OutOfMemory, RenderFailed
from engine.file_names import paths_of, take_name
from engine.files import atomic_write
from engine.protocol import (
    PROTOCOL_VERSION,
    TAKE_KEYS,
    Cancel,
    Done,
    ErrorEvent,
    Hello,
    Load,
    Loaded,
    Message,
    Notice,
    Ping,
    Pong,
    ProgressEvent,
    Render,
    TakeEvent,
    Write,
    Written,
    cancelled,
    parse,
)

IDENTITY = {"engine": "double", "device": "nothing", "dtype": "float32", "threads": 1, "models": {"double": "0"}}


class Double:
    def __init__(self, plan: Path) -> None:
        self.plan_file = plan
        self.plan: dict[str, Any] = {}
        self.wishes: dict[str, threading.Event] = {}
        self.jobs: SimpleQueue[Load | Render | Write | None] = SimpleQueue()
        self.lock = threading.Lock()
        self.ballast: list[bytes] = []
        self.render = 0

    def say(self, message: Message) -> None:
        with self.lock:
            sys.stdout.write(message.to_json() + "\n")
            sys.stdout.flush()

    def read(self) -> None:
        for line in sys.stdin:
            match message := parse(line):
                case Load() | Render() | Write():
                    self.wishes[message.id] = threading.Event()
                    self.jobs.put(message)
                case Cancel():
                    if message.id in self.wishes:
                        self.wishes[message.id].set()
                case Ping():
                    self.say(Pong(message.id))
                case _:
                    break
        for wish in self.wishes.values():
            wish.set()
        self.jobs.put(None)

    def count(self, name: str) -> int:
        """One more of ``name``, over all processes, of which several may run at a time."""
        file = self.plan_file.with_name(f"count-{name}")
        with open(self.plan_file.with_name("counting"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            number = int(file.read_text() if file.exists() else "0") + 1
            part = file.with_suffix(".part")
            part.write_text(str(number))
            os.replace(part, file)  # this program is killed at any moment
        return number

    def work(self) -> None:
        while job := self.jobs.get():
            self.plan = json.loads(self.plan_file.read_text())
            try:
                if self.wishes[job.id].is_set():
                    raise Cancelled()
                self.say(self.do(job))
            except EngineError as error:
                self.say(ErrorEvent.of(error, job.id))
            self.wishes.pop(job.id, None)

    def do(self, job: Load | Render | Write) -> Message:
        if isinstance(job, Write):
            self.at(job, "planner", 1, 1)
            told = {"caption": job.request.get("caption"), "query": job.query, "source": job.source}
            return Written(job.id, {"seed": 1, "codes": [1, 2], "job": job.job, **told})
        return self.load(job) if isinstance(job, Load) else self.make(job)

    def load(self, job: Load) -> Loaded:
        self.at(job, "load", 0, 1)
        self.loaded = job
        profile = {"name": "double", "duration": 60.0}
        offload = bool(job.offload) if self.plan.get("oom_together") else None
        saving = {}
        if self.plan.get("oom_unless"):
            profile |= {"guidance_scale": 7.0, "guidance_fixed": False}
            offload = bool(job.offload)
            saving = {"offload": offload, "offload_dit": bool(job.offload_dit), "quantization": job.quantization}
            saving["guidance_passes"] = job.guidance_passes or 1
        return Loaded(job.id, profile, dict(IDENTITY), 0.01, planner=job.lm, offload=offload, saving=saving)

    def is_too_much(self, job: Render) -> bool:
        if self.plan.get("oom_together") and not (self.loaded.offload and self.loaded.lm == "none"):
            return True
        if any(getattr(self.loaded, name) != value for name, value in self.plan.get("oom_unless", {}).items()):
            return True
        above = self.plan.get("oom_above", {}).items()
        return any((job.request.get(field) or 60.0) > most for field, most in above)

    def make(self, job: Render) -> Done:
        self.render = self.count("render")
        seeds = job.request["seeds"]
        if self.plan.get("oom_on", self.loaded.device) == self.loaded.device and self.is_too_much(job):
            raise OutOfMemory()
        self.ballast.append(os.urandom(1) * int(self.plan.get("grow_mb", 0) * 2**20))
        with open(self.plan_file.with_name("requests.jsonl"), "a") as log:
            log.write(json.dumps(job.request) + "\n")
        with open(self.plan_file.with_name("titles"), "a") as log:
            log.write(job.output.tags.get("title", "") + "\n")
        self.say(Notice("Made by a double.", job.id)) if self.plan.get("notice") else None
        made = 0
        try:
            self.at(job, "conditions", 0, 1)
            joint = self.plan.get("lanes") == "all"
            if joint:
                self.sample(job, None)
            for index, seed in enumerate(seeds):
                if not joint:
                    self.sample(job, index)
                self.at(job, "decode", 1, 2, index)
                self.at(job, "decoded", 2, 2, index)
                take = self.write(job, index, seed)
                self.say(TakeEvent(job.id, take))
                made += 1
        except Cancelled:
            raise cancelled(made) from None
        return Done(job.id, {"takes": made, "seconds": 0.0})

    def sample(self, job: Render, take: int | None) -> None:
        steps = self.plan.get("steps", 2)
        for step in range(steps):
            time.sleep(self.plan.get("step_seconds", 0))
            self.at(job, "sampling", step + 1, steps, take)

    def write(self, job: Render, index: int, seed: int) -> dict[str, Any]:
        self.at(job, "write", 0, 1, index)
        paths = paths_of(job.output, seed, index)
        for path in reversed(paths):
            atomic_write(path, lambda file: file.write(f"seed {seed}".encode()) and None)
        self.at(job, "written", 0, 1, index, tell=False)
        request = job.request | {"seed": seed, "seeds": [seed], "batch_size": 1, "inference_steps": 2}
        request["retake_seed"] = job.request["retake_seed"][index:][:1]
        request |= self.plan.get("planned", {})
        return {
            **dict.fromkeys(TAKE_KEYS),
            "id": os.urandom(8).hex(),
            "name": take_name(job.request.get("caption") or ""),
            "seed": seed,
            "duration": float(job.request.get("duration") or 60.0),
            "parts": self.plan.get("parts", {}),
            "measured": self.plan.get("measured", {}),
            "faults": self.plan.get("take_faults", []) if seed % self.plan.get("faulty_every", 1) == 0 else [],
            "verdict": "unheard",
            "operation": "render",
            "files": {"audio": str(paths[0]), "latents": str(paths[1])},
            "request": request,
            "gain": 1.0,
            "hashes": {"audio": "0", "latents": "0"},
            "timings": {"conditions": 0.01, "sampling": 0.02, "decode": 0.01},
            "identity": dict(IDENTITY),
            "layout": {"index": index, "size": len(job.request["seeds"]), "lanes": 1},
        }

    def at(
        self, job: Load | Render | Write, stage: str, done: int, total: int, take: int | None = None, tell: bool = True
    ) -> None:
        """A step: told of, and the place for faults and cancels."""
        if self.wishes[job.id].is_set() and stage not in ("write", "written"):
            raise Cancelled()
        if tell:
            self.say(ProgressEvent(job.id, "decode" if stage == "decoded" else stage, done, total, take))
        for number, fault in enumerate(self.plan.get("faults", [])):
            if fault["stage"] != stage or fault.get("render") not in (None, self.render):
                continue
            if "take" in fault and fault["take"] != take:
                continue
            if 0 <= fault.get("times", 1) < self.count(f"fault-{number}"):
                continue
            self.fail(job, fault["do"])

    def fail(self, job: Load | Render | Write, how: str) -> None:
        match how:
            case "die":
                print("something about a bug", file=sys.stderr, flush=True)
                os._exit(7)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "stall":
                time.sleep(600)
            case "SIGINT" | "SIGTERM":
                os.kill(os.getppid(), signal.Signals[how])
                time.sleep(0.2)
            case "oom":
                raise OutOfMemory()
            case "missing":
                raise BadCheckpoint("There is no model.", "Get one.")
            case "fail":
                raise RenderFailed("The render is silent.", "Try another seed.")
            case "hold":
                self.plan_file.with_name("held").touch()
                while not self.plan_file.with_name("release").exists():
                    if self.wishes[job.id].is_set():
                        raise Cancelled()
                    time.sleep(0.005)


def main() -> None:
    double = Double(Path(sys.argv[1]))
    double.say(Hello(PROTOCOL_VERSION, "double", "0", os.getpid(), ("render", "write")))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=double.read, daemon=True).start()
    double.work()
    os._exit(0)


if __name__ == "__main__":
    main()
