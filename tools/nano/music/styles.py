"""The eight styles: where their tempos lie, what plays, and which patterns it plays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """``roles`` gives for each role its chance of being there and the instruments to choose from."""

    tempos: tuple[int, int]
    roles: Mapping[str, tuple[float, tuple[str, ...]]]
    bass: tuple[str, ...]
    """Names of bass patterns in ``tools.nano.music.patterns``."""
    chords: tuple[str, ...]
    """Names of chord patterns."""
    meters: Mapping[int, float]
    minor: float = 0.5
    """Chance of a minor key."""
    swing: tuple[float, float] = (0.0, 0.0)
    sevenths: float = 0.0
    pump: float = 0.0
    """By how much the kick pushes everything else down."""


_FOUR = {4: 0.9, 3: 0.04, 6: 0.03, 2: 0.03}

STYLE_TABLE: Mapping[str, Style] = {
    "house": Style(
        (114, 134),
        {
            "drums": (1, ("drum machine",)),
            "percussion": (0.4, ("shaker",)),
            "bass": (1, ("synth bass", "sub bass")),
            "chords": (1, ("synth stabs", "piano", "organ")),
            "pad": (0.4, ("synth pad", "strings")),
            "lead": (0.6, ("synth lead", "bell", "pluck")),
        },
        bass=("offbeat", "eighths", "bounce"),
        chords=("offbeat", "stabs"),
        meters=_FOUR,
        sevenths=0.3,
        pump=0.5,
    ),
    "hip hop": Style(
        (70, 102),
        {
            "drums": (1, ("boom bap drums",)),
            "bass": (1, ("sub bass", "bass guitar")),
            "chords": (1, ("electric piano", "piano")),
            "pad": (0.3, ("strings", "soft pad")),
            "lead": (0.6, ("bell", "flute", "pluck")),
        },
        bass=("kick", "sparse"),
        chords=("comp", "stabs"),
        meters=_FOUR,
        minor=0.6,
        swing=(0.12, 0.3),
        sevenths=0.5,
    ),
    "synthwave": Style(
        (80, 124),
        {
            "drums": (1, ("gated drums",)),
            "bass": (1, ("synth bass",)),
            "arp": (1, ("arpeggio",)),
            "pad": (1, ("synth pad",)),
            "lead": (0.7, ("synth lead", "bell")),
        },
        bass=("eighths", "sixteenths", "bounce"),
        chords=("pulse",),
        meters=_FOUR,
        minor=0.6,
        pump=0.3,
    ),
    "ambient": Style(
        (60, 94),
        {
            "drums": (1, ("soft pulse",)),
            "bass": (0.8, ("sub bass",)),
            "chords": (1, ("electric piano", "pluck", "bell")),
            "pad": (1, ("soft pad", "strings")),
            "lead": (0.6, ("bell", "flute", "piano")),
        },
        bass=("pedal", "pedal", "whole"),
        chords=("pulse", "broken"),
        meters={4: 0.7, 3: 0.15, 6: 0.1, 2: 0.05},
        sevenths=0.3,
    ),
    "rock": Style(
        (96, 168),
        {
            "drums": (1, ("acoustic drums",)),
            "bass": (1, ("bass guitar",)),
            "chords": (1, ("distorted guitar",)),
            "pad": (0.3, ("organ",)),
            "lead": (0.7, ("electric guitar",)),
        },
        bass=("eighths", "quarters"),
        chords=("eighths", "chug", "stabs"),
        meters={4: 0.85, 3: 0.05, 6: 0.07, 2: 0.03},
    ),
    "classical": Style(
        (66, 180),
        {
            "percussion": (0.4, ("timpani",)),
            "bass": (1, ("cello",)),
            "chords": (1, ("piano",)),
            "pad": (0.7, ("strings",)),
            "lead": (0.9, ("violin", "flute", "piano")),
        },
        bass=("downbeat",),
        chords=("afterbeat", "broken", "pulse"),
        meters={3: 0.55, 4: 0.25, 6: 0.1, 2: 0.1},
    ),
    "chiptune": Style(
        (116, 180),
        {
            "drums": (1, ("noise drums",)),
            "bass": (1, ("triangle bass",)),
            "arp": (1, ("square arpeggio",)),
            "lead": (0.85, ("square lead",)),
        },
        bass=("bounce", "eighths"),
        chords=("pulse",),
        meters=_FOUR,
        minor=0.4,
    ),
    "bossa nova": Style(
        (100, 156),
        {
            "drums": (1, ("brushed drums",)),
            "percussion": (0.8, ("shaker",)),
            "bass": (1, ("upright bass",)),
            "chords": (1, ("nylon guitar",)),
            "lead": (0.8, ("flute", "piano", "electric piano")),
        },
        bass=("bossa",),
        chords=("bossa", "samba"),
        meters={4: 0.6, 2: 0.34, 3: 0.04, 6: 0.02},
        sevenths=0.6,
    ),
}
"""Name to style."""

STYLES = tuple(STYLE_TABLE)
"""The eight names."""
