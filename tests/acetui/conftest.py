"""What tests of the terminal share: nothing of theirs is ever written into a person's own folders."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state folder for each test that has none of its own."""
    if "ACETUI_STATE" not in os.environ:
        monkeypatch.setenv("ACETUI_STATE", str(tmp_path_factory.mktemp("s")))
