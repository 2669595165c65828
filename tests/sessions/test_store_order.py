"""The order in which a take reaches the disk, as the functions of ``os`` and as the kernel sees it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sessions import writing
from sessions.store import Store
from tests.sessions.takes import committed, render

ROOT = Path(__file__).resolve().parents[2]

COMMIT = """
import os, sys
from sessions.store import Store
from tests.sessions.takes import committed
with Store.open(sys.argv[1]) as store:
    store.subscribe(lambda change: os.write(1, f"announced {change.kind}".encode()))
    os.write(1, b"ready")
    committed(store)
    store.change(1, verdict="liked")
    os.write(1, b"finished")
"""


@pytest.fixture
def recorded(monkeypatch):
    """What was done, in order: (call, name of the file)."""
    calls: list[tuple[str, str]] = []
    files: dict[tuple[int, int], str] = {}

    def note(call: str, real):
        def replaced(*arguments, **options):
            if call == "fsync":
                stat = os.fstat(arguments[0])
                calls.append((call, files.get((stat.st_dev, stat.st_ino), "a file")))
            result = real(*arguments, **options)
            if call != "fsync":
                target = Path(arguments[-1])
                calls.append((call, target.name))
                stat = target.stat()
                calls[:] = [(c, target.name if (stat.st_dev, stat.st_ino) == n else n) for c, n in calls]
            return result

        return replaced

    for call in ("fsync", "link", "rename", "replace"):
        monkeypatch.setattr(os, call, note(call, getattr(os, call)))

    def remember(folder: Path) -> None:
        for path in (folder, *folder.iterdir()):
            stat = path.stat()
            files[stat.st_dev, stat.st_ino] = f"{path.name}/"

    real_put = writing._put
    monkeypatch.setattr(writing, "_put", lambda *a: (calls.append(("index", "")), real_put(*a)))
    calls_and_memory = (calls, remember)
    return calls_and_memory


def test_the_order_of_a_commit(tmp_path, recorded):
    calls, remember = recorded
    with Store.open(tmp_path) as store:
        store.subscribe(lambda change: calls.append(("event", change.kind)))
        remember(tmp_path)
        take = render(store)
        calls.clear()
        store.commit(take)
        assert calls == [
            ("link", "0001.safetensors"),
            ("fsync", "latents/"),
            ("rename", "0001-neon-drive-7.flac"),
            ("fsync", "takes/"),
            ("fsync", "a file"),
            ("link", "0001-neon-drive-7.json"),
            ("fsync", "takes/"),
            ("index", ""),
            ("event", "committed"),
        ]
        calls.clear()
        store.change(1, rating=5)
        assert calls == [
            ("fsync", "a file"),
            ("replace", "0001-neon-drive-7.json"),
            ("fsync", "takes/"),
            ("index", ""),
            ("event", "changed"),
        ]


def test_the_order_of_the_trash(tmp_path, recorded):
    calls, remember = recorded
    with Store.open(tmp_path) as store:
        committed(store)
        store.subscribe(lambda change: calls.append(("event", change.kind)))
        remember(tmp_path)
        calls.clear()
        store.trash(1)
        assert [call for call in calls if call[0] != "fsync"] == [
            ("replace", "numbers.json"),
            ("replace", "0001-neon-drive-7.json"),
            ("rename", "0001-neon-drive-7.flac"),
            ("rename", "0001.safetensors"),
            ("rename", "0001-neon-drive-7.json"),
            ("index", ""),
            ("event", "trashed"),
        ]
        assert calls[-4:-2] == [("fsync", "a file")] * 2  # the two folders of the trash, made just now


def test_the_kernel_sees_the_same_order(tmp_path):
    """Audio, latents and JSON: each written, synced, named, and its folder synced; the index; the word to the world."""
    trace = tmp_path / "trace"
    session = tmp_path / "jam"
    session.mkdir()
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    wanted = "openat,write,pwrite64,fsync,fdatasync,link,linkat,rename,renameat,renameat2,close"
    done = subprocess.run(
        [strace, "-f", "-y", "-s", "64", "-e", f"trace={wanted}", "-o", trace, sys.executable, "-c", COMMIT, session],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if "ptrace" in done.stderr or (done.returncode and not trace.exists()):
        pytest.skip("strace is not allowed here")
    assert done.returncode == 0, done.stderr
    text = trace.read_text()
    text = text[text.index('"ready"') : text.index('"finished"')]
    steps = list(_steps(text, session))
    folder = ("sync", "takes")
    audio, latents = "takes/batch-1.flac", "takes/batch-1.safetensors"
    json = "takes/0001-neon-drive-7.json"
    written = [("write", "part"), ("sync", "part")]
    assert [step for step in steps if step[0] != "close"] == [
        *(*written, ("name", latents), folder),
        *(*written, ("name", audio), folder),
        *(("name", "latents/0001.safetensors"), ("sync", "latents")),
        *(("name", "takes/0001-neon-drive-7.flac"), folder),
        *(*written, ("name", json), folder),
        *(("index", ""), ("announce", "committed")),
        *(*written, ("name", json), folder),
        *(("index", ""), ("announce", "changed")),
    ]


def _steps(text: str, session: Path):
    """The calls that matter as (what, which), each row of writes to one file as one."""
    before = None
    for line in text.splitlines():
        step = _step(line.replace(str(session) + "/", "").replace(str(session), "."))
        if step is not None and step != before:
            yield step
        before = step if step is not None else before


def _step(line: str) -> tuple[str, str] | None:
    if "announced" in line:
        found = re.search(r"announced (\w+)", line)
        return ("announce", found[1]) if found else None
    if "takes.db" in line and re.search(r"p?write(64)?\(", line):
        return ("index", "")
    if found := re.search(r"\bwrite\(\d+<[^>]*\.acetui-part-", line):
        return ("write", "part")
    if found := re.search(r"f(?:data)?sync\(\d+<([^>]+)>", line):
        return ("sync", "part" if ".acetui-part-" in found[1] else found[1])
    if found := re.search(r'\b(?:link|rename)(?:at2?)?\(.*"([^"]+)"(?:, \w+)?\)\s+= 0', line):
        return ("name", found[1])
    return None
