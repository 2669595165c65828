"""Renders a first take with the model in the box, and says how to go on."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TAKE = Path("build/first-take.flac")
CAPTION = "warm synthwave with analog pads and a steady beat"


def run(*command: str) -> None:
    """Runs ``command`` in the repository, shown as a person would type it; leaves with its status if it fails."""
    print(f"\n$ {shlex.join(command)}", flush=True)
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if status != 0:
        sys.exit(status)


def main() -> None:
    """Renders, and says what it is that one hears."""
    TAKE.parent.mkdir(exist_ok=True)
    run(
        *(".venv/bin/acetui", "render", "--models", "nano", "--caption", CAPTION, "--bpm", "100"),
        *("--keyscale", "A minor", "--duration", "20", "--seed", "7", "-o", str(TAKE), "--overwrite"),
    )
    print(f"""
The first take is {TAKE}.
It was made by acetui-nano, the sketch model that comes with acetui: a few million weights, trained on synthesised
music, and rough. It shows that everything works; songs are made by the ACE-Step 1.5 models (README, "Models"):

    .venv/bin/acetui render --models CHECKPOINTS --caption {shlex.quote(CAPTION)} --duration 60 -o song.flac
""")


if __name__ == "__main__":
    main()
