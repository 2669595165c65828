"""Real sessions that are quick: the real engine with random tiny weights, takes of a second, one core."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from sessions.new_session import create
from sessions.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
BATCH = 8
RECIPE = {"caption": "Neon drive, slow", "duration": 1.0, "inference_steps": 1, "batch_size": BATCH}


def models(folder: Path) -> Path:
    """A set of random weights, made once, by another process: this one stays small."""
    if not (folder / "models").exists():
        command = [sys.executable, "-m", "engine.testing", str(folder / "models"), "--no-lm"]
        subprocess.run(command, env=surroundings(folder), stdout=subprocess.DEVNULL, check=True)
    return folder / "models"


def session(folder: Path, **tables: Any) -> Path:
    """A new session in ``folder`` whose engine makes a take in about a tenth of a second."""
    tables.setdefault("recipe", RECIPE)
    # Random weights pass no gate.
    tables["loop"] = {"free_space_floor_gb": 0.1, "faulty_before_parking": 0, **tables.get("loop", {})}
    tables["models"] = {"models": str(models(folder)), "device": "cpu", "dtype": "float32", "threads": 1}
    return create(folder / "jam", Settings.from_dict(tables))


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of every process of such a session: folders of its own, one thread."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "ACETUI_STATE": str(folder / "state"),
        "ACETUI_DATA": str(folder / "data"),
        "OMP_NUM_THREADS": "1",
    }


def enter(folder: Path) -> None:
    """Makes these surroundings those of this process: what it starts and looks for is there."""
    os.environ.update(surroundings(folder))


def acetui(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command line, in the surroundings of this process."""
    command = [sys.executable, "-m", "acetui", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, **options)


async def until(true: Any, seconds: float = 120.0, every: float = 0.05) -> Any:
    """Waits until something is so, and returns it."""
    async with asyncio.timeout(seconds):
        while not (value := true()):
            await asyncio.sleep(every)
    return value
