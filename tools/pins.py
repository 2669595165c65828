"""Prints constraints.txt: the exact version of everything that pyproject.toml needs, as installed beside this script.

Run it in an environment where the project's tests pass, and keep what it prints::

    .venv/bin/python -m tools.pins > constraints.txt
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
# The versions that acetui is tested with; `python -m tools.pins` prints this file.
# torch comes as several builds (CPU, CUDA, ROCm) with the same version: this accepts every one of them, and what a CUDA
# build needs beside itself is pinned by torch.\
"""


def named_requirements() -> list[Requirement]:
    """Everything that pyproject.toml names: to run, to render, to test and to build."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = pyproject["project"]
    extras = project["optional-dependencies"].values()
    lines = [*pyproject["build-system"]["requires"], *project["dependencies"], *(line for e in extras for line in e)]
    return [Requirement(line) for line in lines]


def closure(requirements: Iterable[Requirement]) -> Iterator[tuple[str, str]]:
    """Names and public versions of ``requirements`` and of all that they need on this machine, once each."""
    pending = list(requirements)
    seen: set[tuple[str, frozenset[str]]] = set()
    while pending:
        requirement = pending.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        found = distribution(requirement.name)
        yield key[0], Version(found.version).public
        for line in found.requires or ():
            needed = Requirement(line)
            extras = ["", *requirement.extras]
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                pending.append(needed)


def main() -> None:
    """Prints the file."""
    print(HEADER)
    for name, version in sorted(set(closure(named_requirements()))):
        print(f"{name}=={version}")


if __name__ == "__main__":
    main()
