"""What lies around a render and is none of its business: the folder it is started in, packages that are not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def render(folder: Path, models: Path, *path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-P", "-m", "acetui", "render", "--models", str(models)),
            *("--caption", "x", "--duration", "1", "-o", "a.flac"),
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, [*path, ROOT])), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_modules_in_the_folder_are_not_taken_for_ours(tmp_path: Path, tiny_turbo: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__init__.py").write_text("raise SystemExit('the wrong engine')")
    (tmp_path / "queue.py").write_text("print('the wrong queue')")
    done = render(tmp_path, tiny_turbo)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.flac").stat().st_size > 1000


def test_an_engine_that_is_not_installed_is_said_to_be_so(tmp_path: Path, tiny_turbo: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')")
    done = render(tmp_path, tiny_turbo, bare)
    assert done.returncode == 3
    assert "The engine is not installed here: there is no torch." in done.stderr
    assert "acetui[engine]" in done.stderr
    assert "Traceback" not in done.stderr
