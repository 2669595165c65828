"""Models brought here one after the other; ``python -m engine.hub.bringing`` does so beside whoever asks, and tells.

A process of its own, so that whoever asks needs no library of a hub and can end it at any moment: what has arrived is
kept. It reads one JSON line with ``root`` (where to) and ``names``, and writes a line for each thing that happens:
``{"event": "progress", "model", "file", "done", "total"}`` in bytes, ``{"event": "model", "name", "how"}``,
``{"event": "notice", "text"}`` and ``{"event": "error", "error", "hint", "field"}``. It ends with its input, and where
that ends early at once.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from engine.errors import EngineError
from engine.hub.catalogue import Model, find, with_needs
from engine.hub.getting import Getting, Progress
from engine.hub.hubs import hubs_of

TELL_SECONDS = 0.25
"""How often progress is told at most."""


def bring(
    models: Sequence[Model],
    root: Path,
    *,
    env: Mapping[str, str],
    told: Callable[[Progress], None],
    got: Callable[[Model, str], None],
    said: Callable[[str], None] = lambda _: None,
    hub: str | None = None,
    thorough: bool = False,
) -> None:
    """Brings ``models`` and what they need to ``root``; ``got`` hears of each that is in its place, and how.

    ``hub`` is the kind of the only one that is asked (``engine.hub.hubs``); None asks another where one is not there.

    Music models come last: a folder that has one is rendered with. Raises as ``Getting.get`` does.
    """
    hubs, token = hubs_of(env, hub), env.get("HF_TOKEN")
    getting = Getting(root, hubs, token, told=told, said=said, thorough=thorough, env=env)
    for model in sorted(with_needs(models), key=lambda model: model.kind == "music"):
        got(model, getting.get(model))


class _Teller:
    """Writes what happens, progress not too often."""

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._clock = clock
        self._told = float("-inf")
        self._file = ""

    def progress(self, now: Progress) -> None:
        """A piece has arrived."""
        clock = self._clock()
        if clock - self._told >= TELL_SECONDS or now.file != self._file or now.done == now.total:
            self._told, self._file = clock, now.file
            self.tell("progress", model=now.model, file=now.file, done=now.done, total=now.total)

    def got(self, model: Model, how: str) -> None:
        """A model is in its place."""
        self.tell("model", name=model.name, how=how)

    def said(self, sentence: str) -> None:
        """Something is worth a word: another hub is asked."""
        self.tell("notice", text=sentence)

    def tell(self, event: str, **more: Any) -> None:
        """Writes one line."""
        print(json.dumps({"event": event, **more}), file=self._out, flush=True)


def _end_with(stream: TextIO) -> None:
    """Ends this process when its input does: whoever asked is gone, or wants no more."""
    stream.read()
    os._exit(0)


def main() -> int:
    """Brings what the first line asks for; 1 where that failed."""
    question = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with, args=(sys.stdin,), daemon=True).start()
    teller = _Teller(sys.stdout)
    try:
        models = [find(name) for name in question["names"]]
        bring(models, Path(question["root"]), env=os.environ, told=teller.progress, got=teller.got, said=teller.said)
    except EngineError as error:
        teller.tell("error", **error.to_dict())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
