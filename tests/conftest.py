"""Random models that many tests share; whoever damages one makes a copy first."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_turbo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny turbo set in the official layout, float32, with a planner."""
    from engine.testing import make_checkpoint

    return make_checkpoint(tmp_path_factory.mktemp("turbo"), variant="turbo")


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny base set in the official layout, float32, with a planner."""
    from engine.testing import make_checkpoint

    return make_checkpoint(tmp_path_factory.mktemp("base"), variant="base")
