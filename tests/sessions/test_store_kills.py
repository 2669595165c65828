"""Killed at any moment, the store has every take that was announced, whole, as it was announced, and once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.files import TEMPORARY_PREFIX
from engine.tags import RECIPE, read_tags
from sessions.store import Store
from sessions.take import Take
from tests.sessions.takes import no_waiting

__all__ = ["no_waiting"]

ROOT = Path(__file__).resolve().parents[2]


def run_and_kill(folder: Path, seconds: float) -> list[dict[str, Any]]:
    """What the process announced, from its start until it was killed, so many seconds after it was ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.sessions.committing", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # or a line that is read takes others along, and out of sight of communicate
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    ready = process.stdout.readline()
    assert ready == b"{}\n", process.stderr.read()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    rest, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors
    return [json.loads(line) for line in rest.decode().split("\n")[:-1]]


STATE = ("seed", "rating", "trashed")


def check(folder: Path, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Opens the session as the next start does and compares it with what was said; returns what is there."""
    done = {line["number"]: line for line in lines if not line["about"]}
    last = lines[-1] if lines and lines[-1]["about"] else None  # what was under way, and may be done or not
    gone = {line["number"] for line in lines if line.get("gone")}
    with Store.open(folder) as store:
        assert store.report.troubles == store.report.broken == store.report.strays == []
        takes = {take.number: take for take in store.query("trashed or not trashed", "number", 10**6).takes}
        for number, line in done.items():
            if number in gone:
                assert number not in takes or (last is not None and number == last["number"])
                continue
            allowed = [line] if last is None or last["number"] != number else [line, last]
            assert [takes[number].seed, takes[number].rating, takes[number].trashed] in [
                [state[name] for name in STATE] for state in allowed
            ]
        under_way = last is not None and bool(last.get("gone"))
        for take in takes.values():
            if under_way and take.number in gone:
                continue
            assert take.stored == "whole"
            assert json.loads(read_tags(store.path(take))[RECIPE])["seed"] == take.seed
            assert store.path(take, "latents").read_bytes().startswith(b"latents")
            assert Take.from_json(store.path(take, "json").read_bytes()) == take
        if under_way and last is not None and last["number"] in takes:
            store.delete(last["number"])  # as the person who asked for it would
            del takes[last["number"]]
        assert len({take.id for take in takes.values()}) == len(takes)
        assert store.next_number() > max([*takes, *done], default=0)
    assert list(folder.rglob(f"{TEMPORARY_PREFIX}*")) == []
    assert list(folder.rglob("batch-*.flac")) == []
    return [
        {"number": take.number, "about": False, "seed": take.seed, "rating": take.rating, "trashed": take.trashed}
        for take in takes.values()
    ]


def kill_again_and_again(folder: Path, times: int, *, longest: float) -> int:
    draw = random.Random(times)
    there: list[dict[str, Any]] = []
    announced = 0
    for _ in range(times):
        said = run_and_kill(folder, draw.uniform(0, longest))
        announced += len(said)
        there = check(folder, [*there, *said])
    assert announced > times
    return len(there)


@pytest.mark.usefixtures("no_waiting")
def test_thirty_kills(tmp_path):
    assert kill_again_and_again(tmp_path, 30, longest=0.15) > 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_hundreds_of_kills(tmp_path):
    assert kill_again_and_again(tmp_path, 400, longest=0.6) > 100
