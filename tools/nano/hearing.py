"""What the 5 Hz codes of a song are to tell: how loud its bands are 25 times a second, and which notes sound.

Latents of a small codec are close to noise: no linear function of them says where a beat falls, and a code of 12 bits
that is only to be near them in the mean says nothing of a song. So the codes learn from what is heard as well.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.audio import RATE
from engine.scoring.spectra import Float, magnitudes, mel_bank, one_channel
from tools.nano.material import Shard
from tools.nano.music import render
from tools.nano.sizes import FRAME

BANDS, NOTES = 8, 12
HEARD = BANDS + NOTES

_SIZE = 2048
_FLOOR_DB = 60.0
_NOTE_RATE, _NOTE_SIZE = 16000, 4096
_GROUP = 5
_LOWEST, _HIGHEST = 50.0, 2000.0
"""Hertz in which notes are looked for."""


def heard(audio: Float, frames: int) -> Float:
    """``[frames, HEARD]`` of ``audio`` [2, n]: bands in dB below the loudest, then pitch classes, five frames alike."""
    return np.concatenate(
        (_bands(audio, frames), np.repeat(_notes(audio, -(-frames // _GROUP)), _GROUP, 0)[:frames]), 1
    )


def of_shard(shard: Shard) -> Tensor:
    """``[songs, frames, HEARD]`` float32 of the songs of a shard; bands and pitch classes have unit spread each."""
    songs, frames = shard.latents.shape[:2]
    rows = np.stack([heard(render(shard.song(number)), frames) for number in range(songs)])
    for part in (slice(0, BANDS), slice(BANDS, HEARD)):
        rows[..., part] -= rows[..., part].mean(axis=(0, 1))
        rows[..., part] /= rows[..., part].std() + 1e-6
    return torch.from_numpy(rows.astype(np.float32))


def _bands(audio: Float, frames: int) -> Float:
    """Levels in the middle of each frame."""
    mono = one_channel(audio, RATE, RATE)[FRAME // 2 :]
    power = np.square(magnitudes(mono, _SIZE, FRAME)) @ mel_bank(BANDS, _SIZE, RATE, 30, 14000)
    below = 10 * np.log10(np.maximum(power, 1e-12) / max(float(power.max(initial=0)), 1e-9))
    return _long(np.maximum(below, -_FLOOR_DB), frames)


def _notes(audio: Float, groups: int) -> Float:
    """How strong each pitch class is in the fifth of a second around."""
    hop = _NOTE_RATE // _GROUP
    spectra = magnitudes(one_channel(audio, RATE, _NOTE_RATE)[hop // 2 :], _NOTE_SIZE, hop)
    hertz = np.arange(spectra.shape[1]) * _NOTE_RATE / _NOTE_SIZE
    within = (hertz >= _LOWEST) & (hertz <= _HIGHEST)
    place = np.round(12 * np.log2(hertz[within] / 440)).astype(int) % NOTES
    folded = np.sqrt(spectra[:, within]) @ np.eye(NOTES, dtype=np.float32)[place]
    return _long(folded / (folded.mean(axis=1, keepdims=True) + 1e-3), groups)


def _long(rows: Float, count: int) -> Float:
    """So many rows: what is missing is like the last."""
    padded: Float = np.pad(rows, ((0, max(0, count - len(rows))), (0, 0)), mode="edge")[:count].astype(np.float32)
    return padded
