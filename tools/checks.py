"""Runs every check of the project, one after the other, and fails if one of them does; the tests come last.

What is given on the command line goes to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


PARALLEL = ("-n", str(min((os.cpu_count() or 1) + 1, 4)), "--dist", "loadfile")


def checks(pytest_args: list[str]) -> dict[str, list[str]]:
    """Each check's name, as it is reported, and its command."""
    python = sys.executable
    return {
        "ruff check": [python, "-m", "ruff", "check", "--quiet", "."],
        "ruff format": [python, "-m", "ruff", "format", "--quiet", "--check", "--diff", "."],
        "mypy": [python, "-m", "mypy", "--no-error-summary"],
        "import contracts": [str(BIN / "lint-imports"), "--no-logo"],
        # A process a core and one more, since many wait for other processes; a file's tests share what they make.
        "tests": [python, "-m", "pytest", "-q", "-p", "tools.left_out", *PARALLEL, *pytest_args],
    }


def main(pytest_args: list[str]) -> int:
    """0 if all passed, else 1; every check runs, whatever the ones before it said."""
    failed = []
    for name, command in checks(pytest_args).items():
        print(f"--- {name}", flush=True)
        start = time.monotonic()
        passed = subprocess.run(command, cwd=ROOT, check=False).returncode == 0
        if name != "tests":
            print(f"    {'passed' if passed else 'FAILED'} in {time.monotonic() - start:.1f} s", flush=True)
        if not passed:
            failed.append(name)
    if failed:
        print(f"Failed: {', '.join(failed)}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
