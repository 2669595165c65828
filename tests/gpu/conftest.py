"""What every test on a card begins with: a card that holds nothing of the tests before it."""

from __future__ import annotations

import gc

import pytest
import torch


@pytest.fixture(autouse=True)
def empty_card() -> None:
    """Engines that a test has left are let go: parts of them know each other, and wait for the collector."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
