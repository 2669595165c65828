"""One small model for all tests of sources, and one take of it with its files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine import Engine, Request
from engine.protocol import Output
from engine.take import Take
from engine.take_files import write_take
from engine.testing import make_checkpoint
from tests.engine.sources.sounds import stored
from tests.engine.test_pipeline import NANO

SMALL = NANO | {"vae": NANO["vae"] | {"encoder_hidden_size": 2}}
"""Encodes as quickly as it decodes."""


@dataclass(frozen=True)
class Parent:
    """A take with its files."""

    take: Take
    audio: str
    latents: str

    @property
    def samples(self) -> np.ndarray:
        return stored(self.audio)

    def asked(self, **fields: Any) -> Request:
        """A request that works on it."""
        plain = {"caption": "y", "src_audio": self.audio, "src_latents": self.latents, "seeds": (2,)}
        return Request(**{**plain, "inference_steps": 3, **fields})


@pytest.fixture(scope="session", autouse=True)
def threads() -> Iterator[None]:
    """One for all that is compared sample by sample: what lasts for the session is made before a test's own setting."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def turbo(threads: None, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine.load(make_checkpoint(tmp_path_factory.mktemp("turbo"), lm=False, config=SMALL), device="cpu")


@pytest.fixture(scope="session")
def base(threads: None, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    path = make_checkpoint(tmp_path_factory.mktemp("base"), variant="base", lm=False, config=SMALL)
    return Engine.load(path, device="cpu")


def written(take: Take, folder: Path, name: str) -> Parent:
    """A take as a session keeps it."""
    files = write_take(take, Output(str(folder), name, "flac", keep_latents=True))["files"]
    return Parent(take, files["audio"], files["latents"])


@pytest.fixture(scope="session")
def parent(turbo: Engine, tmp_path_factory: pytest.TempPathFactory) -> Parent:
    """Six seconds and half a frame."""
    request = Request(caption="x", duration=6.02, seeds=(1,), inference_steps=2)
    return written(turbo.render(request)[0], tmp_path_factory.mktemp("parent"), "parent")
