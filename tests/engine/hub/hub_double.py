"""A small hub on this machine's own address, for the hub's real client: it lists, serves ranges, and can misbehave.

It speaks ModelScope's addresses as well, with the same repositories.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from engine.hub.catalogue import MAIN, TEXT, find
from engine.hub.hubs import Hub as Address

REVISION = "5ac1e5" + "0" * 34
_RESOLVE = f"/resolve/{REVISION}/"
_MODELSCOPE = "/api/v1/models/"


@dataclass
class Repo:
    """What a repository holds, and who may have it."""

    files: dict[str, bytes] = field(default_factory=dict)
    gated: bool = False
    token: str = ""
    """Who has it sees it, and nobody else; empty is everybody."""


@dataclass
class Whims:
    """How a file is sent, each of them for so many of the next requests."""

    cut_after: int = 0
    """Bytes after which the connection is closed."""

    cuts: int = 0
    damaged: int = 0
    ignores_range: int = 0
    failing: int = 0
    missing: bool = False
    elsewhere: str = ""
    """Another server that has it; whoever asks is sent there."""

    slow: float = 0.0
    """Seconds before every piece."""

    piece: int = 1 << 16


@dataclass
class Hub:
    """The repositories by name, the whims of files by their path, and every request that came."""

    repos: dict[str, Repo] = field(default_factory=dict)
    whims: dict[str, Whims] = field(default_factory=dict)
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    """Method, path, and the first byte that was wanted."""

    tokens: set[str | None] = field(default_factory=set)
    """What was sent with the requests to show who asks."""

    url: str = ""

    def add(self, name: str, folder: Path, inside: str = "") -> None:
        """Puts the files of ``folder`` into a repository."""
        repo = self.repos.setdefault(name, Repo())
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                where = path.relative_to(folder).as_posix()
                repo.files[f"{inside}/{where}" if inside else where] = path.read_bytes()

    def sent(self, name: str) -> list[int]:
        """Where each request for a file of that name began."""
        return [start for method, path, start in self.asked if method == "GET" and path.endswith(f"/{name}")]

    @property
    def as_hub(self) -> Address:
        """It as Hugging Face's kind."""
        return Address("huggingface", self.url)

    @property
    def as_modelscope(self) -> Address:
        """It as ModelScope's kind."""
        return Address("modelscope", self.url)


@contextmanager
def hub() -> Iterator[Hub]:
    """A hub that runs until the end of the block."""
    state = Hub()

    class Handler(_Handler):
        hub = state

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def small_hub(models: Path) -> Iterator[Hub]:
    """A hub that publishes a tiny set as the official one: its planner as the smallest, the others as a whole set."""
    with hub() as state:
        for folder in models.iterdir():
            if "lm" in folder.name:
                state.add(find("0.6B").repo, folder)
            else:
                state.add(MAIN, folder, TEXT.name if folder.name.startswith("Qwen3-Embedding") else folder.name)
        yield state


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        start = int((self.headers.get("Range") or "bytes=0-").split("=")[1].rstrip("-"))
        wanted = parse_qs(urlsplit(self.path).query).get("FilePath", [""])[0]
        self.hub.asked.append((self.command, f"{path}/{wanted}" if wanted else path, start))
        self.hub.tokens.add(self.headers.get("Authorization"))
        if path.startswith(_MODELSCOPE):
            self._modelscope(path.removeprefix(_MODELSCOPE), start, body=body)
            return
        name = next((each for each in self.hub.repos if f"/{each}" in path), "")
        repo = self.hub.repos.get(name)
        if repo is None:
            self._refuse(404, "RepoNotFound")
        elif repo.token and self.headers.get("Authorization") != f"Bearer {repo.token}":
            self._refuse(401, "RepoNotFound")
        elif path.startswith(f"/api/models/{name}/tree/"):
            self._json(_tree(repo, path.partition(f"/tree/{REVISION}")[2].strip("/")))
        elif path == f"/api/models/{name}":
            self._json({"id": name, "sha": REVISION, "siblings": [], "private": False, "tags": []})
        elif repo.gated:
            self._refuse(403, "GatedRepo")
        else:
            self._file(repo, path.partition(_RESOLVE)[2], start, body=body)

    def _modelscope(self, path: str, start: int, *, body: bool) -> None:
        name, _, what = path.partition("/repo")
        query = parse_qs(urlsplit(self.path).query)
        repo = self.hub.repos.get(name)
        if repo is None:
            self._refuse(404, "")
        elif what == "/files":
            assert (query["Revision"], query["Recursive"]) == (["master"], ["true"])
            files = [_file_of_modelscope(path, data) for path, data in repo.files.items()]
            folders = [{"Type": "tree", "Path": "vae", "Name": "vae", "Size": 0}]
            self._json({"Code": 10010205001} if repo.gated else {"Code": 200, "Data": {"Files": [*folders, *files]}})
        else:
            assert query["Revision"] == [REVISION]
            self._file(repo, query["FilePath"][0], start, body=body)

    def _file(self, repo: Repo, name: str, start: int, *, body: bool) -> None:
        whims = self.hub.whims.get(name.rpartition("/")[2], Whims())
        if whims.elsewhere:
            self.send_response(302)
            self.send_header("Location", f"{whims.elsewhere}/any{_RESOLVE}{name}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if name not in repo.files or whims.missing:
            self._refuse(404, "EntryNotFound")
            return
        if _once(whims, "failing"):
            self._refuse(503, "")
            return
        data = repo.files[name]
        if _once(whims, "damaged"):
            data = bytes([data[0] ^ 1]) + data[1:]
        if start and _once(whims, "ignores_range"):
            start = 0
            self.send_response(200)
        elif start >= len(data) > 0:
            self._refuse(416, "")
            return
        else:
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.end_headers()
        if body:
            self._send(data[start:], whims)

    def _send(self, data: bytes, whims: Whims) -> None:
        cut = whims.cut_after if whims.cut_after and _once(whims, "cuts") else len(data)
        for at in range(0, min(cut, len(data)), whims.piece):
            time.sleep(whims.slow)
            self.wfile.write(data[at : min(at + whims.piece, cut)])
        self.wfile.flush()
        if cut < len(data):
            self.close_connection = True
            self.connection.close()

    def _json(self, content: object) -> None:
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _file_of_modelscope(path: str, data: bytes) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    told = {"Path": path, "Name": path.rpartition("/")[2], "Size": len(data), "Sha256": digest}
    return {"Type": "blob", "Revision": REVISION, **told}


def _once(whims: Whims, name: str) -> bool:
    left: int = getattr(whims, name)
    setattr(whims, name, max(0, left - 1))
    return left > 0


def _tree(repo: Repo, inside: str) -> list[dict[str, object]]:
    """Every file below a folder; those of weights have a large file's checksum, the others git's."""
    found: list[dict[str, object]] = []
    for path, data in repo.files.items():
        if not inside or path.startswith(f"{inside}/"):
            blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
            each: dict[str, object] = {"type": "file", "path": path, "size": len(data), "oid": blob}
            if path.endswith((".safetensors", ".pt")):
                each["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
            found.append(each)
    return found
