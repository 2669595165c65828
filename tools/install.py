"""Installs acetui and the extras named on the command line, into the environment whose Python runs this.

Everything comes at the version of constraints.txt, except a torch that is already there: whoever put it there chose the
build that suits the card and the driver, and it stays, whatever its version. ``PIP_ARGS`` is passed on to pip.
"""

from __future__ import annotations

import importlib
import os
import shlex
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ORIGIN = Path(sys.prefix) / "acetui-torch-origin"


def installed_torch() -> str | None:
    """The version of torch in this environment, build included, or None."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return None


def constraints(torch: str | None) -> str:
    """The text of constraints.txt, with ``torch`` in place of its own where one is installed."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if torch is not None:
        lines = [f"torch=={torch}" if line.startswith("torch==") else line for line in lines]
    return "\n".join(lines) + "\n"


def remember_origin(before: str | None) -> None:
    """Notes why this environment has the torch it has, for ``tools.describe_torch`` to tell."""
    importlib.invalidate_caches()
    now = installed_torch()
    if now and now != before:
        ORIGIN.write_text(f"{now}\nit is the build that pip found\n", encoding="utf-8")
    elif now and not (ORIGIN.exists() and ORIGIN.read_text(encoding="utf-8").startswith(f"{now}\n")):
        ORIGIN.write_text(f"{now}\nit was in the environment already, and stays\n", encoding="utf-8")


def main(extras: list[str]) -> int:
    """Runs pip; its exit status is ours."""
    target = f".[{','.join(extras)}]" if extras else "."
    before = installed_torch()
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "constraints.txt"
        pins.write_text(constraints(before), encoding="utf-8")
        pip_args = shlex.split(os.environ.get("PIP_ARGS", ""))
        command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--constraint", str(pins)]
        status = subprocess.run([*command, *pip_args, "--editable", target], cwd=ROOT, check=False).returncode
    if status != 0:
        print("pip could not install acetui; its own words are above. Nothing was installed outside .venv.")
        print("Options for pip (an index, a proxy, a folder of wheels) go into PIP_ARGS: make studio PIP_ARGS='...'")
        return status
    remember_origin(before)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
