"""What a hub says a model consists of: names, sizes, checksums. The only questions that are asked of it."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from engine.errors import BadCheckpoint
from engine.hub import modelscope
from engine.hub.catalogue import Model
from engine.hub.hubs import Hub, hubs_of
from engine.hub.trouble import NotOffered, in_words, offline

_TAKEN = frozenset({".safetensors", ".json", ".txt", ".jinja"})
_SILENCE = "silence_latent.pt"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class HubFile:
    """A file of a model. ``name`` is relative to the model's folder, and ``path`` to the repository."""

    name: str
    path: str
    size: int
    sha256: str = ""
    """Of large files; small ones may have git's checksum instead."""

    blob: str = ""
    revision: str = ""
    """The one that the file is of, where a hub tells that of each."""

    def matches(self, file: Path) -> bool:
        """Whether a file on the disk is this one, byte by byte."""
        if not file.is_file() or file.stat().st_size != self.size:
            return False
        if not self.sha256 and not self.blob:  # its size is all that the hub tells
            return True
        digest = hashlib.sha256() if self.sha256 else hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest() == (self.sha256 or self.blob)


@dataclass(frozen=True)
class Listing:
    """What a model consists of at one revision of its repository."""

    model: Model
    hub: Hub
    revision: str
    files: tuple[HubFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all of it."""
        return sum(file.size for file in self.files)

    @property
    def endpoint(self) -> str:
        """The hub's address."""
        return self.hub.endpoint

    def url(self, file: HubFile) -> str:
        """Where a file is downloaded from."""
        if self.hub.kind == "modelscope":
            return modelscope.url(self.model, self.hub, file.path, file.revision)
        from huggingface_hub import hf_hub_url

        url: str = hf_hub_url(self.model.repo, file.path, revision=self.revision, endpoint=self.endpoint)
        return url


def endpoint_of(env: Mapping[str, str] | None = None) -> str:
    """The hub that is asked first: a mirror that ``HF_ENDPOINT`` names, else the hub itself."""
    return hubs_of(env)[0].endpoint


def ask(model: Model, hub: Hub, token: str | None = None) -> Listing:
    """What the hub has of ``model``. Raises Unreachable and NotOffered.

    Programs and pictures in the repository are left there: nothing of a model is ever run. ``token`` is for Hugging
    Face, and shown to nobody else.
    """
    prepare_client()
    with in_words(model, hub.endpoint):
        revision, files = _of_modelscope(model, hub) if hub.kind == "modelscope" else _of_hub(model, hub, token)
    if not files:
        raise NotOffered(f"{hub.page(model)} holds nothing of {model.name}.", "Try another hub with --hub.")
    return Listing(model, hub, revision, files)


def _of_hub(model: Model, hub: Hub, token: str | None) -> tuple[str, tuple[HubFile, ...]]:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    client = HfApi(endpoint=hub.endpoint, token=token)
    revision = client.repo_info(model.repo, timeout=SECONDS).sha or "main"
    tree: list[Any] = list(client.list_repo_tree(model.repo, model.inside or None, recursive=True, revision=revision))
    return revision, tuple(
        _file(model, each) for each in tree if isinstance(each, RepoFile) and is_taken(model, each.path)
    )


def _of_modelscope(model: Model, hub: Hub) -> tuple[str, tuple[HubFile, ...]]:
    taken = [each for each in modelscope.files(model, hub) if is_taken(model, each["Path"])]
    return modelscope.BRANCH, tuple(
        HubFile(
            _name(model, each["Path"]),
            each["Path"],
            each["Size"],
            sha256=each.get("Sha256") or "",
            revision=each.get("Revision") or "",
        )
        for each in taken
    )


SECONDS = 20.0
"""How long an answer may take."""


def is_taken(model: Model, path: str) -> bool:
    """Whether a file of the repository belongs to the model's folder here."""
    name = PurePosixPath(path)
    plain = not any(part.startswith(".") for part in name.parts) and ".." not in name.parts
    inside = not model.inside or name.parts[0] == model.inside
    return plain and inside and (name.suffix in _TAKEN or name.name == _SILENCE)


def _file(model: Model, each: Any) -> HubFile:
    return HubFile(_name(model, each.path), each.path, each.size, each.lfs.sha256 if each.lfs else "", each.blob_id)


def _name(model: Model, path: str) -> str:
    return path.removeprefix(f"{model.inside}/") if model.inside else path


def prepare_client() -> None:
    """Before the hub's client is loaded: it tells nobody what it runs on, and says nothing by itself.

    Raises Unreachable where nothing may be downloaded, and BadCheckpoint where there is no client.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise offline()
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import huggingface_hub  # noqa: F401
    except ModuleNotFoundError:
        sentence = "Models cannot be downloaded here: huggingface_hub is not installed."
        raise BadCheckpoint(sentence, "Run `make studio`, or pip install 'acetui[engine]'.") from None
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)
