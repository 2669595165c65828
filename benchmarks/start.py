"""Starting: the command line without torch, and a set loaded from a warm page cache."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks import targets
from benchmarks.bench import Bench
from benchmarks.memory import ROOT, in_child
from benchmarks.rows import Area, Row
from benchmarks.timing import Race, race
from engine.testing import make_checkpoint

_COMMANDS = (["--help"], ["render", "--help"])
_TORCH_SEEN = """
import contextlib, io, sys
from acetui.cli import main
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    main({arguments!r})
print(int("torch" in sys.modules))
"""


@dataclass(frozen=True)
class Sizes:
    """What to run: the set that is loaded, large enough for its weights to be most of the memory."""

    size: str = "small"
    config: dict[str, Any] = field(
        default_factory=lambda: {
            "hidden_size": 1024,
            "intermediate_size": 3072,
            "num_hidden_layers": 16,
            "num_attention_heads": 8,
            "num_key_value_heads": 4,
        }
    )
    seconds: float = 6
    loads: int = 3

    @classmethod
    def quick(cls) -> Sizes:
        """Sizes that show that everything runs, and no more."""
        return cls("tiny", {}, 1, 1)


def run(bench: Bench, sizes: Sizes) -> list[Area]:
    """All tables of this area."""
    return [_commands(bench, sizes), _load(bench, sizes)]


def _commands(bench: Bench, sizes: Sizes) -> Area:
    area = Area("Cold start of the command line", ("acetui", "bare Python"))
    for arguments in _COMMANDS:
        shown = " ".join(["acetui", *arguments])
        bench.say(shown)
        found = _race_commands(bench, arguments, sizes)
        area.rows.append(Row(shown, found.our_seconds, found.peer_seconds, note=f"{len(found.ours)} runs"))
        seen = subprocess.run(
            [sys.executable, "-c", _TORCH_SEEN.format(arguments=arguments)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        area.rows.append(
            Row(f"{shown}: torch imported (0 no, 1 yes)", float(seen.stdout), unit="", target=targets.NO_TORCH)
        )
    return area


def _race_commands(bench: Bench, arguments: list[str], sizes: Sizes) -> Race:
    def start(*command: str) -> None:
        subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, check=True)

    return race(lambda: start("-m", "acetui", *arguments), lambda: start("-c", "pass"), bench.clock, sizes.seconds)


def _load(bench: Bench, sizes: Sizes) -> Area:
    area = Area("Loading a set from a warm page cache, float32", ("load", "read once"))
    if bench.budget.over:
        return area
    with tempfile.TemporaryDirectory(prefix="acetui-bench-") as folder:
        bench.say("writing a set to load")
        make_checkpoint(folder, sizes.size, lm=False, config=sizes.config)
        bench.say("loading it in new processes")
        reports = [in_child("load", folder=folder) for _ in range(sizes.loads)]
    weights = reports[0]["weights"]
    what = f"{weights / 1e6:,.0f} MB of weights"
    middle = {key: float(median(report[key] for report in reports)) for key in reports[0]}
    area.rows.append(Row(what, middle["loading"], middle["reading"], note=f"{sizes.loads} processes"))
    area.rows.append(Row("peak growth / weights", middle["growth"] / weights, unit="", target=targets.LOAD_MEMORY))
    area.rows.append(Row("peak of the process", middle["absolute"], unit="bytes", note="with Python and torch"))
    return area
