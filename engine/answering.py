"""Small programs of the engine, run beside whoever asks: each answers a JSON line for every line that it reads.

They end with their input, so that whoever asks needs no library that they need, and survives a file that kills one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

NO_LIBRARIES = 3
"""The exit status where what such a program needs is not installed."""


def serve(answer: Callable[[dict[str, Any]], Mapping[str, Any]], *libraries: str) -> int:
    """Answers until nobody asks any more; the exit status."""
    try:
        for library in libraries:
            import_module(library)
    except (ImportError, OSError):  # a library that soundfile itself lacks is an OSError
        return NO_LIBRARIES
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line)), allow_nan=False), flush=True)
    return 0
