"""What a song is, before it sounds: the facts that its caption, its lyrics and its score are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tools.nano.music.theory import parse_key

BAR_BEATS: Mapping[int, int] = {2: 2, 3: 3, 4: 4, 6: 3}
"""Quarter notes in a bar of each meter (the published ``timesignature``); 6 is 6/8, felt in two."""


@dataclass(frozen=True)
class Section:
    """A stretch of whole bars (the song's last one may be cut by its end)."""

    tag: str
    """Structure tag without its brackets, such as ``Chorus``."""
    start_bar: int
    bars: int
    density: float
    """0 (hardly anything plays) to 1 (everything, loud)."""
    roles: tuple[str, ...]
    """Which roles of ``Song.instruments`` play."""
    drums: str
    """``full``, ``light``, ``hats``, ``roll`` (it builds) or ``none``."""
    progression: int
    """Index into ``Song.progressions``."""
    modifier: str = ""
    """A word for what is heard, or nothing."""


@dataclass(frozen=True)
class Song:
    """A composed song; the notes follow from it alone."""

    seed: int
    style: str
    bpm: int
    """Quarter notes a minute, whatever the meter."""
    key: str
    meter: int
    duration: float
    """Seconds."""
    sections: tuple[Section, ...]
    instruments: Mapping[str, str]
    """Role (``drums``, ``bass``, ``chords``, ...) to the instrument's name in ``tools.nano.music.instruments``."""
    texture: tuple[str, ...]
    """Words that the caption may use and that the sound bears out."""
    progressions: tuple[tuple[int, ...], ...]
    """Scale degrees, one for each ``chord_beats``."""
    chord_beats: float
    brightness: float
    """0 (dark) to 1 (bright): scales every filter."""
    busyness: float
    """0 (sparse) to 1 (busy): how many notes the patterns have."""
    swing: float
    """By how much of itself every second sixteenth is late."""
    sevenths: bool

    @property
    def bar_beats(self) -> int:
        """Quarter notes in a bar."""
        return BAR_BEATS[self.meter]

    @property
    def beat_seconds(self) -> float:
        """Length of a quarter note."""
        return 60.0 / self.bpm

    @property
    def beats(self) -> float:
        """Length of the song in quarter notes."""
        return self.duration / self.beat_seconds

    @property
    def bars(self) -> int:
        """Bars begun, the cut one included."""
        return self.sections[-1].start_bar + self.sections[-1].bars

    @property
    def tonic(self) -> int:
        """Pitch class of the key."""
        return parse_key(self.key)[0]

    @property
    def mode(self) -> str:
        """``major`` or ``minor``."""
        return parse_key(self.key)[1]
