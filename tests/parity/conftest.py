"""Sets that the parity tests share, and a summary of how close both sides came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest
import torch

from engine.testing.sizes import Raw
from tests.parity.oracle import FAST_VAE, Twins, load_twins, measured, random_config

RANDOM_SETS = 12


@pytest.fixture(autouse=True)
def _without_gradients_on_one_thread() -> Iterator[None]:
    """Matrices this small gain nothing from a second thread, and lose milliseconds to it where the cores are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.no_grad():
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session", params=range(RANDOM_SETS))
def random_twins(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Twins:
    """One of many sets whose sizes are drawn at random."""
    variant = ("turbo", "base")[request.param % 2]
    folder = tmp_path_factory.mktemp(f"random-{request.param}")
    return load_twins(folder, random_config(request.param), variant, seed=100 + request.param)


@pytest.fixture(scope="session")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Twins]:
    """``twins(variant, corrected=True, true_vae=False)``: a tiny set of a variant, loaded once.

    ``true_vae`` decodes to 48 kHz with the official strides; otherwise a frame is eight samples.
    """

    @cache
    def load(variant: str, *, corrected: bool = True, true_vae: bool = False) -> Twins:
        vae: Raw = {"decoder_channels": 8} if true_vae else FAST_VAE
        config = {"audio_acoustic_hidden_dim": 16, "vae": vae}
        return load_twins(tmp_path_factory.mktemp(variant), config, variant, seed=7, corrected=corrected)

    return load


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says for each area the largest deviation seen, its tolerance and the number of comparisons."""
    if measured:
        terminalreporter.section("parity with diffusers: largest deviation (tolerance)")
        for area, found in sorted(measured.items()):
            terminalreporter.write_line(f"{max(found):.1e}  {area}, {len(found)} comparisons")
