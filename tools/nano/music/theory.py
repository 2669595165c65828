"""Keys, chords and voicings, in pitch classes (0 is C) and MIDI numbers (60 is middle C)."""

from __future__ import annotations

from collections.abc import Sequence

KEYS = tuple(
    f"{note} {mode}"
    for note in ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
    for mode in ("major", "minor")
)
"""The 24 keys that are drawn, in the stored form of ``engine.values``; flats are read as well."""

MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
MINOR_SCALE = (0, 2, 3, 5, 7, 8, 10)

PROGRESSIONS = {
    "major": (
        (0, 3, 4, 0),
        (0, 1, 4, 0),
        (0, 3, 0, 4),
        (0, 5, 4, 0),
        (0, 4, 3, 0),
        (0, 0, 5, 4),
        (0, 5, 1, 4),
        (0, 0, 3, 4),
    ),
    "minor": (
        (0, 3, 4, 0),
        (0, 5, 4, 0),
        (0, 4, 0, 5),
        (0, 6, 0, 4),
        (0, 4, 5, 0),
        (0, 0, 5, 4),
        (0, 5, 0, 4),
        (0, 0, 4, 0),
    ),
}
"""Scale degrees (0 is the tonic). Each starts on the tonic, leans on it and has the dominant: no other key has both."""

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def parse_key(key: str) -> tuple[int, str]:
    """The tonic's pitch class and the mode of a stored key, such as 'Bb minor'; ValueError for anything else."""
    note, _, mode = key.partition(" ")
    if mode not in PROGRESSIONS or note[:1] not in _LETTERS or note[1:] not in ("", "#", "b"):
        raise ValueError(f"{key!r} is no key: write it like 'F# minor'")
    return (_LETTERS[note[0]] + {"": 0, "#": 1, "b": -1}[note[1:]]) % 12, mode


def scale(mode: str) -> tuple[int, ...]:
    """Semitones above the tonic of the seven degrees."""
    return MINOR_SCALE if mode == "minor" else MAJOR_SCALE


def scale_pitch(tonic: int, mode: str, step: int) -> int:
    """The MIDI number that lies ``step`` scale steps above ``tonic`` (a MIDI number); steps may be negative."""
    octave, degree = divmod(step, 7)
    return tonic + 12 * octave + scale(mode)[degree]


def chord(tonic: int, mode: str, degree: int, *, seventh: bool = False) -> tuple[int, ...]:
    """Pitch classes of the diatonic chord on ``degree``, root first; in minor the dominant has the leading note."""
    pitches = [scale_pitch(tonic, mode, degree + third) % 12 for third in (0, 2, 4, 6)[: 4 if seventh else 3]]
    if mode == "minor" and degree == 4:
        pitches[1] = (tonic + 11) % 12
    return tuple(pitches)


def voicing(pitches: Sequence[int], centre: int) -> tuple[int, ...]:
    """The chord in close position around ``centre``: every pitch class once, where it lies nearest."""
    return tuple(sorted(centre - 6 + (pitch - (centre - 6)) % 12 for pitch in pitches))


def at_or_above(pitch_class: int, lowest: int) -> int:
    """The lowest MIDI number of a pitch class that is not below ``lowest``."""
    return lowest + (pitch_class - lowest) % 12


def nearest(pitches: Sequence[int], to: int) -> int:
    """The MIDI number nearest ``to`` that belongs to one of the pitch classes."""
    return min((to + (pitch - to + 6) % 12 - 6 for pitch in pitches), key=lambda found: abs(found - to))
