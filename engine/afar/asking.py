"""How many engines a Ray cluster has places for, asked in a process of its own: whoever asks does not load Ray."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from engine.errors import EngineError

SECONDS = 90.0
"""How long a cluster may take to answer."""


def places_in(address: str) -> tuple[str, int]:
    """The address without a number of places behind it, and that number; a cluster is asked where none is told.

    Raises EngineError for a cluster that does not answer, and where Ray is not installed.
    """
    place = address.removeprefix("ray://")
    if "/" in place:
        place, count = place.rsplit("/", 1)
        return f"ray://{place}", int(count)
    said = _asked(address)
    if "error" in said:
        raise EngineError(said["error"], said["hint"])
    return address, max(1, int(said["places"]))


def _asked(address: str) -> dict[str, Any]:
    command = [sys.executable, "-P", "-m", "engine.afar", address, "--count"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as cause:
        raise EngineError(f"The Ray cluster at {address} does not answer.", "Is it running? 'ray status'.") from cause
    return found
