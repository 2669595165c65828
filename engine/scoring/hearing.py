"""What is heard in a take: its tempo and its key, and how sure that is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.scoring.agreement import Heard
from engine.scoring.key import key
from engine.scoring.tempo import tempo


def hear(audio: npt.NDArray[np.floating], rate: int) -> Heard:
    """Listens to audio [N] or [channels, N]."""
    beat, tonality = tempo(audio, rate), key(audio, rate)
    return Heard(beat.bpm, beat.confidence, tonality.name, tonality.confidence)
