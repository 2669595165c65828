"""Random models that many tests share; whoever damages one makes a copy first."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Tests that are coroutines are run in an event loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(pyfuncitem.obj(**wanted))
    return True


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


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """One thread for torch: with tiny models the threads of a busy machine only wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
