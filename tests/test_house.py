"""The house itself: what is packaged, pinned and promised. Nothing here imports torch."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Folders that are made, never kept; only needed where the tree is a plain copy that git cannot list.
MADE = {".git", ".venv", "build", "dist", "__pycache__"}


@cache
def kept_files() -> tuple[Path, ...]:
    """The project's own files: what git tracks or would; in a copy without git, all that is not made."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0 and (ROOT / ".git").exists():
        files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        inner = [p.relative_to(ROOT) for p in ROOT.rglob("*")]
        files = [ROOT / p for p in inner if not any(part in MADE or part.endswith("_cache") for part in p.parts)]
    return tuple(p for p in files if p.is_file())


def kept_texts() -> list[tuple[str, str]]:
    """Name and text of every kept file that is text."""
    texts = []
    for path in kept_files():
        data = path.read_bytes()
        if b"\0" not in data:
            texts.append((str(path.relative_to(ROOT)), data.decode("utf-8")))
    return texts


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy of what is kept, without a network."""
    source = tmp_path_factory.mktemp("source")
    for path in kept_files():
        copy = source / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
    build = "from hatchling.build import build_wheel; print(build_wheel('dist'))"
    done = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(source / "dist" / done.stdout.split()[-1])


def test_wheel_holds_the_packages_and_the_themes_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"acetui", "engine", "sessions", "themes"}
    kept = {str(path.relative_to(ROOT)) for path in kept_files()}
    assert {name for name in kept if name.split("/")[0] in tops} <= names
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_wheel_has_one_command_and_no_torch_in_its_base(wheel: zipfile.ZipFile) -> None:
    info = next(name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name)
    assert wheel.read(f"{info}/entry_points.txt").decode().split("\n")[:2] == [
        "[console_scripts]",
        "acetui = acetui.cli:main",
    ]
    metadata = wheel.read(f"{info}/METADATA").decode()
    needs = re.findall(r"^Requires-Dist: (.+)$", metadata, re.M)
    base = {Requirement(line).name for line in needs if "extra ==" not in line}
    assert base == {Requirement(line).name for line in PYPROJECT["project"]["dependencies"]}
    assert not base & {"torch", "numpy", "transformers"}


def test_version_is_the_engines(wheel: zipfile.ZipFile) -> None:
    from engine import __version__

    assert f"/acetui-{__version__}-" in f"/{Path(str(wheel.filename)).name}"


def pins() -> dict[str, Version]:
    """The names and versions of constraints.txt."""
    pinned = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            (specifier,) = requirement.specifier
            assert (specifier.operator, requirement.url, requirement.marker) == ("==", None, None), line
            pinned[canonicalize_name(requirement.name)] = Version(specifier.version)
    return pinned


def test_every_requirement_is_pinned_to_a_version_that_it_accepts() -> None:
    from tools.pins import named_requirements

    pinned = pins()
    for requirement in named_requirements():
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"{name} is missing in constraints.txt"
        assert pinned[name] in requirement.specifier, f"{name}: {pinned[name]} is not {requirement.specifier}"


def test_pins_accept_every_build_of_a_version() -> None:
    assert [name for name, version in pins().items() if version.local] == []
    assert Version("2.13.0+cpu") in Requirement(f"torch=={pins()['torch']}").specifier


def test_what_is_needed_is_pinned_too() -> None:
    from tools.pins import closure, named_requirements

    missing = {name for name, _ in closure(named_requirements())} - set(pins())
    # A GPU build of torch needs libraries of its vendor, which torch pins itself.
    assert {name for name in missing if not name.startswith(("nvidia-", "cuda-", "triton", "pytorch-triton"))} == set()


def test_commands_of_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for name in ("README.md", "CONTRIBUTING.md", ".ci/run"):
        text = (ROOT / name).read_text(encoding="utf-8")
        # In backticks, at the start of a line of a block, or in what a script prints.
        used = set(re.findall(r"(?:`|^|\()make ([a-z][a-z-]*)", text, re.M))
        assert used <= targets, f"{name}: {used - targets}"
    assert {"studio", "test"} <= set(re.findall(r"make ([a-z-]+)", README))


def test_links_of_the_documents_exist() -> None:
    for name, text in kept_texts():
        if name.endswith(".md"):
            for link in re.findall(r"\]\(([^)#:]+)\)", text):
                assert (ROOT / name).parent.joinpath(link).exists(), f"{name}: {link}"


def test_markers_of_the_documents_are_the_markers() -> None:
    markers = {line.split(":")[0] for line in PYPROJECT["tool"]["pytest"]["ini_options"]["markers"]}
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z]+)` \|", contributing, re.M)) == markers


def test_contracts_hold_every_room_of_the_engine_that_works_without_torch() -> None:
    (contract,) = [
        c for c in PYPROJECT["tool"]["importlinter"]["contracts"] if c["name"].startswith("Rooms of the engine")
    ]
    held = set(contract["source_modules"])
    graph = grimp.build_graph("engine", include_external_packages=True, cache_dir=None)
    rooms = graph.find_children("engine")
    assert held <= rooms
    free = {room for room in rooms if not graph.find_shortest_chain(room, "torch", as_packages=True)}
    assert free == held, "pyproject.toml, import contracts: name exactly the rooms that do without torch"


HOSTS = [".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("download", "pytorch", "org"))]
# A folder of one machine or one person; what documents show as an example is below another name.
MACHINE_PATH = re.compile(r"(?<![\w.~$/])/(?:home|Users|root|work|opt)/\w+")


def test_files_name_no_package_registry_and_no_machine() -> None:
    for name, text in kept_texts():
        for host in HOSTS:
            assert host not in text, f"{name} names {host}"
        found = MACHINE_PATH.search(text)
        assert found is None, f"{name}: {found and found.group()}"


def fences(language: str) -> list[str]:
    """The README's code blocks in ``language``, those in lists included."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", README, re.M | re.S)


def test_commands_of_the_readme_are_understood() -> None:
    from acetui.cli import parser_for
    from acetui.verbs.flags import recipe_from_flags
    from acetui.verbs.session import with_sort_joined
    from engine import Request

    blocks = "\n".join(fences("")).replace("\\\n", " ")
    commands = [
        shlex.split(line, comments=True) for line in blocks.splitlines() if line.strip().startswith(".venv/bin/acetui")
    ]
    assert commands
    for command in commands:
        args = parser_for(command[1:]).parse_args(with_sort_joined(command[1:]))
        args.lyrics_file = None
        Request.from_dict(recipe_from_flags(args))


def test_recipes_of_the_readme_can_be_rendered() -> None:
    from engine import Request

    recipes = [tomllib.loads(block) for block in fences("toml")]
    assert recipes
    for recipe in recipes:
        Request.from_dict(recipe)


def test_options_and_exit_codes_of_the_readme_exist() -> None:
    from engine.errors import EngineError

    render_help = subprocess.run(
        [sys.executable, "-m", "acetui", "render", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    section = README[README.index("\n## Render") : README.index("\n## From Python")]
    options = set(re.findall(r"`(--[a-z-]+)", section))
    assert {option for option in options if option not in render_help} == set()
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.M)}
    pending = [EngineError]
    raised = {0}
    while pending:
        kind = pending.pop()
        raised.add(kind.exit_code)
        pending += kind.__subclasses__()
    assert codes == raised


def test_python_of_the_readme_compiles_and_its_names_exist() -> None:
    import engine

    for block in fences("python"):
        compile(block, "README.md", "exec")
        for names in re.findall(r"^from engine import (.+)$", block, re.M):
            assert set(names.split(", ")) <= set(engine.__all__)
