"""What the instruments learn from: songs as they are and, so that they judge music and not a codec, copies of songs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tools.nano.measure import metre, style, tempo
from tools.nano.measure.onsets import periodicity
from tools.nano.measure.spectra import Float

Audio = npt.NDArray[np.float32]
Copying = Callable[[Audio], Audio]


@dataclass(frozen=True)
class Piece:
    """One piece of music as both instruments hear it: first as it is, then roughened."""

    sounds: Float
    """[3, FEATURES without the beat's]."""

    onsets: tuple[Float, ...]
    """Of each of the three."""


def hear(audio: Audio) -> Piece:
    """A song as it is."""
    sounds, onsets = zip(*(style.parts(each) for each in style.roughened(audio)), strict=True)
    return Piece(np.stack(sounds), onsets)


class HearCopy:
    """Hears what ``copying`` makes of a song."""

    def __init__(self, copying: Copying) -> None:
        self.copying = copying

    def __call__(self, audio: Audio) -> Piece:
        """See ``hear``."""
        return hear(self.copying(audio))


def learn_tempo(pieces: Sequence[Piece], beats_a_minute: Sequence[int]) -> Float:
    """The weights of ``metre``, from each piece as it is."""
    cases, right = [], []
    for piece, bpm in zip(pieces, beats_a_minute, strict=True):
        correlations = periodicity(piece.onsets[0])
        found = tempo.pulse(correlations)
        if found is not None:
            levels = tempo.levels_of(found)
            cases.append(metre.evidence(correlations, levels))
            right.append(int(np.argmin(np.abs(np.log(levels / bpm)))))
    return metre.learn(cases, right, seed=0)


def verdicts(pieces: Sequence[Piece], beats_a_minute: Sequence[int]) -> list[str]:
    """How the tempo of each piece is heard."""
    heard = (tempo.tempo_of_onsets(piece.onsets[0]).bpm for piece in pieces)
    return [tempo.tempo_error(one, bpm).verdict for one, bpm in zip(heard, beats_a_minute, strict=True)]


def rows(piece: Piece) -> Float:
    """Features [3, FEATURES] for the style, with the tempo as it is heard now."""
    return np.stack([style.joined(sound, bands) for sound, bands in zip(piece.sounds, piece.onsets, strict=True)])
