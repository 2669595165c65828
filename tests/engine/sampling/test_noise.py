"""The random streams: Philox as published, normals as CUDA draws them, and what a take's noise owes its neighbours."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.sampling.noise import (
    FLOW_EDIT,
    INITIAL,
    PLANNER,
    REFERENCE_CROP,
    normal,
    philox,
    retake,
    uniform,
)

WORD = 0xFFFFFFFF
STREAMS = (INITIAL, 1, 2, 200, FLOW_EDIT, REFERENCE_CROP, PLANNER)


def philox4x32_10(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    """The generator as published (Salmon et al., 2011), in plain integers: four words of counter, two of key."""
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & WORD, (p0 >> 32) ^ c3 ^ k1, p0 & WORD
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return c0, c1, c2, c3


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((WORD,) * 4, (WORD,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
    ids=["zeros", "ones", "digits of pi"],
)
def test_the_restated_generator_gives_the_published_answers(
    counter: tuple[int, ...], key: tuple[int, ...], words: tuple[int, ...]
) -> None:
    """Known answers of the Random123 library. The restatement is what the tests below hold the engine's to."""
    assert philox4x32_10(counter, key) == words


def test_the_first_block_of_seed_and_stream_zero_is_the_published_answer() -> None:
    first, second = philox(0, 0, 1)
    assert (int(first[0]), int(second[0])) == (0x6627E8D5, 0xE169C58D)


@given(seed=st.integers(0, 2**64 - 1), stream=st.integers(0, 2**64 - 1), count=st.integers(1, 40))
def test_block_k_of_a_stream_has_the_counter_stream_k_and_the_key_seed(seed: int, stream: int, count: int) -> None:
    first, second = philox(seed, stream, count)
    for k in range(count):
        words = philox4x32_10((stream & WORD, stream >> 32, k, 0), (seed & WORD, seed >> 32))
        assert (int(first[k]), int(second[k])) == words[:2]


def test_blocks_stay_right_far_out() -> None:
    count = 15_000 * 64
    first, second = philox(7, 3, count)
    for k in (1 << 16, 123_456, count - 1):
        assert (int(first[k]), int(second[k])) == philox4x32_10((3, 0, k, 0), (7, 0))[:2]


def test_normals_are_box_muller_of_two_words() -> None:
    noise = normal(11, 5, 3, 4)
    for k in range(12):
        w0, w1, _, _ = philox4x32_10((5, 0, k, 0), (11, 0))
        u, v = w0 * 2.0**-32 + 2.0**-33, (w1 + 0.5) * (2 * math.pi * 2.0**-32)
        expected = math.sqrt(-2 * math.log(u)) * math.sin(v)
        assert noise[k // 4, k % 4] == pytest.approx(expected, rel=1e-6)


def test_normals_are_those_of_cuda() -> None:
    """What ``torch.manual_seed(0); torch.randn(6, device="cuda")`` prints, which others' takes were made from."""
    printed = torch.tensor([-0.9247, -0.4253, -2.6438, 0.1452, -0.1209, -0.5797])
    torch.testing.assert_close(normal(0, INITIAL, 1, 6)[0], printed, rtol=0, atol=5.1e-5)


def test_a_seed_means_the_same_for_ever() -> None:
    """Takes are remembered by their seeds: a change of these bits would be a change of every recorded take."""
    noise = normal(42, INITIAL, 100, 64).numpy().astype("<f4")
    digest = "801c5529b8147e3fa733102dd222127748dc625fdca2d16a6da34cae49913617"
    assert hashlib.sha256(noise.tobytes()).hexdigest() == digest


@pytest.mark.parametrize("seed", [0, 1, 7, 2**32 - 1])
def test_noise_is_standard_normal(seed: int) -> None:
    """Moments within five standard errors, and the tails as heavy as they should be."""
    x = normal(seed, INITIAL, 4000, 64).double().flatten()
    n = x.numel()
    assert abs(x.mean()) < 5 / math.sqrt(n)
    assert abs(x.var() - 1) < 5 * math.sqrt(2 / n)
    assert abs((x**3).mean()) < 5 * math.sqrt(15 / n)
    assert abs((x**4).mean() - 3) < 5 * math.sqrt(96 / n)
    outside = float((x.abs() > 2).double().mean())
    assert outside == pytest.approx(math.erfc(2 / math.sqrt(2)), abs=5 * math.sqrt(0.0455 / n))


def test_frames_and_channels_are_uncorrelated() -> None:
    x = normal(3, INITIAL, 4000, 64).double()
    bound = 5 / math.sqrt(x.numel())
    assert abs((x[1:] * x[:-1]).mean()) < 2 * bound
    assert abs((x[:, 1:] * x[:, :-1]).mean()) < 2 * bound


def test_noise_is_float32_on_the_cpu() -> None:
    noise = normal(1, INITIAL, 5, 3)
    assert (noise.shape, noise.dtype, noise.device.type) == ((5, 3), torch.float32, "cpu")


@given(seed=st.integers(0, 2**32 - 1), frames=st.integers(1, 50), more=st.integers(0, 50))
def test_a_longer_take_starts_with_the_noise_of_a_shorter_one(seed: int, frames: int, more: int) -> None:
    assert torch.equal(normal(seed, INITIAL, frames + more, 8)[:frames], normal(seed, INITIAL, frames, 8))


def test_streams_and_seeds_share_nothing() -> None:
    draws = [normal(seed, stream, 64, 16).flatten() for seed in (0, 1, 2**31) for stream in STREAMS]
    for i, one in enumerate(draws):
        for other in draws[:i]:
            assert abs(float(torch.dot(one, other)) / one.numel()) < 5 / math.sqrt(one.numel())


@given(seed=st.integers(0, 2**64 - 1), stream=st.integers(0, 2**32), count=st.integers(0, 20))
def test_uniform_numbers_lie_inside_the_open_interval(seed: int, stream: int, count: int) -> None:
    numbers = uniform(seed, stream, count)
    assert len(numbers) == count
    assert all(0 < x < 1 for x in numbers)
    assert numbers == uniform(seed, stream, count + 3)[:count]


def test_uniform_numbers_are_even() -> None:
    counts, _ = np.histogram(uniform(5, REFERENCE_CROP, 20_000), bins=10, range=(0, 1))
    assert abs(counts - 2000).max() < 5 * math.sqrt(2000)


@given(variance=st.floats(0, 1))
def test_a_retake_keeps_the_variance(variance: float) -> None:
    mixed = retake(normal(1, INITIAL, 500, 64), normal(2, INITIAL, 500, 64), variance).double()
    assert abs(mixed.var() - 1) < 5 * math.sqrt(2 / mixed.numel())
    assert abs(mixed.mean()) < 5 / math.sqrt(mixed.numel())


def test_a_retake_leads_from_one_noise_to_the_other() -> None:
    one, other = normal(1, INITIAL, 100, 64), normal(2, INITIAL, 100, 64)
    assert torch.equal(retake(one, other, 0.0), one)
    assert torch.equal(retake(one, other, 1.0), other)
    torch.testing.assert_close(retake(one, other, 0.5), (one + other) / math.sqrt(2))
    distances = [float((retake(one, other, v) - one).norm()) for v in (0.0, 0.1, 0.3, 0.6, 1.0)]
    assert distances == sorted(distances)
