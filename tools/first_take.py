"""Renders a first take with random weights, so that a fresh install has shown that it works before a model is there."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODELS = Path("build/sketch-models")
TAKE = Path("build/first-take.flac")
CAPTION = "slow synthwave, warm analogue pads, a lonely saxophone"


def run(*command: str) -> None:
    """Runs ``command`` in the repository, shown as a person would type it; leaves with its status if it fails."""
    print(f"\n$ {shlex.join(command)}", flush=True)
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if status != 0:
        sys.exit(status)


def main() -> None:
    """Makes the models if they are not there, renders, and says what it is that one hears."""
    if not (ROOT / MODELS / "complete").exists():
        run(".venv/bin/python", "-m", "engine.testing", str(MODELS))
        (ROOT / MODELS / "complete").touch()
    run(
        *(".venv/bin/acetui", "render", "--models", str(MODELS), "--caption", CAPTION),
        *("--duration", "10", "--seed", "7", "-o", str(TAKE), "--overwrite"),
    )
    print(f"""
The first take is {TAKE}.
Its weights are random and tiny: what you hear is noise, shaped by the real engine. It shows that the install works.

To render music, get an ACE-Step 1.5 checkpoint folder (README, "Models") and run

    .venv/bin/acetui render --models CHECKPOINTS --caption {shlex.quote(CAPTION)} --duration 60 -o song.flac
""")


if __name__ == "__main__":
    main()
