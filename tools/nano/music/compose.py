"""Draws songs: what is given is kept, the rest follows from the seed."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from tools.nano.music.song import BAR_BEATS, Section, Song
from tools.nano.music.styles import STYLE_TABLE, STYLES, Style
from tools.nano.music.theory import KEYS, PROGRESSIONS, parse_key
from tools.nano.music.wording import BRIGHT, BUSY, DARK, SPARSE

SECONDS = (10.0, 30.0)
BPM = (60, 180)
ANY_TEMPO = 0.25
"""Share of songs whose tempo owes nothing to their style."""

_FORMS: dict[int, tuple[tuple[str, ...], ...]] = {
    1: (("Chorus",), ("Verse",)),
    2: (("Intro", "Chorus"), ("Verse", "Chorus"), ("Intro", "Verse"), ("Chorus", "Outro"), ("Breakdown", "Chorus")),
    3: (
        ("Intro", "Verse", "Chorus"),
        ("Verse", "Chorus", "Outro"),
        ("Intro", "Chorus", "Outro"),
        ("Verse", "Build", "Chorus"),
        ("Chorus", "Breakdown", "Chorus"),
    ),
    4: (
        ("Intro", "Verse", "Chorus", "Outro"),
        ("Intro", "Verse", "Breakdown", "Chorus"),
        ("Verse", "Chorus", "Verse", "Chorus"),
        ("Verse", "Chorus", "Bridge", "Chorus"),
        ("Intro", "Verse", "Pre-Chorus", "Chorus"),
        ("Verse", "Build", "Chorus", "Outro"),
    ),
    5: (
        ("Intro", "Verse", "Chorus", "Breakdown", "Chorus"),
        ("Intro", "Verse", "Pre-Chorus", "Chorus", "Outro"),
        ("Intro", "Verse", "Chorus", "Bridge", "Chorus"),
        ("Verse", "Chorus", "Breakdown", "Build", "Chorus"),
    ),
    6: (
        ("Intro", "Verse", "Chorus", "Verse", "Chorus", "Outro"),
        ("Intro", "Verse", "Chorus", "Bridge", "Chorus", "Outro"),
        ("Intro", "Verse", "Chorus", "Breakdown", "Build", "Chorus"),
    ),
}
_SHARES = {"Intro": 1.0, "Verse": 2.0, "Pre-Chorus": 1.0, "Build": 1.0, "Breakdown": 1.0, "Bridge": 1.3, "Outro": 1.0}
DENSITY = {
    "Intro": 0.35,
    "Verse": 0.65,
    "Pre-Chorus": 0.75,
    "Build": 0.7,
    "Chorus": 1.0,
    "Drop": 1.0,
    "Bridge": 0.6,
    "Breakdown": 0.35,
    "Outro": 0.3,
}
"""Tag to how much plays."""

MODIFIERS = ("soft", "quiet", "melodic", "steady", "rising", "building", "calm", "energetic", "full")
"""What a tag may be followed by."""

_SHORTEST_SECTION = 3.2
_ELECTRONIC = ("house", "synthwave", "chiptune")


def compose(
    seed: int,
    *,
    duration: float | None = None,
    style: str | None = None,
    bpm: int | None = None,
    key: str | None = None,
    meter: int | None = None,
) -> Song:
    """The song of a seed (0 to 2^64 - 1); whatever is given is kept and leaves the rest as it would be drawn.

    ``duration`` is in seconds, ``bpm`` in quarter notes a minute, ``meter`` one of 2, 3, 4, 6. Raises ValueError for a
    style, key or meter that does not exist, and for a duration or tempo that is not positive.
    """
    rng = np.random.Generator(np.random.Philox(key=[seed, 0]))
    drawn_style = STYLES[int(rng.integers(len(STYLES)))]
    drawn_duration = round(float(rng.uniform(*SECONDS)), 2)
    luck = rng.random(8)
    name = style if style is not None else drawn_style
    if name not in STYLE_TABLE:
        raise ValueError(f"no style {name!r}: it must be one of {', '.join(STYLES)}")
    table = STYLE_TABLE[name]
    seconds = duration if duration is not None else drawn_duration
    meter = meter if meter is not None else _weighted(table.meters, luck[0])
    if meter not in BAR_BEATS:
        raise ValueError("the meter must be 2, 3, 4 or 6")
    low, high = BPM if luck[1] < ANY_TEMPO else table.tempos
    tempo = bpm if bpm is not None else low + int(luck[2] * (high - low + 1))
    if seconds <= 0 or tempo <= 0:
        raise ValueError("the duration and the tempo must be positive")
    tonic = int(luck[3] * 12)
    key = key if key is not None else KEYS[2 * tonic + int(luck[4] < table.minor)]
    _, mode = parse_key(key)
    instruments = _instruments(table, rng)
    brightness, busyness = float(luck[5]), float(luck[6])
    chord_beats = _chord_beats(meter, tempo)
    options = PROGRESSIONS[mode]
    first, second = rng.permutation(len(options))[:2]
    bars = max(1, math.ceil(seconds * tempo / 60 / BAR_BEATS[meter] - 1e-9))
    return Song(
        seed=seed,
        style=name,
        bpm=tempo,
        key=key,
        meter=meter,
        duration=seconds,
        sections=_sections(name, instruments, bars, seconds, rng),
        instruments=instruments,
        texture=_texture(brightness, busyness),
        progressions=(options[first], options[second]),
        chord_beats=chord_beats,
        brightness=brightness,
        busyness=busyness,
        swing=float(rng.uniform(*table.swing)) if table.swing[1] else 0.0,
        sevenths=bool(luck[7] < table.sevenths),
    )


def _weighted(chances: Mapping[int, float], luck: float) -> int:
    edges = np.cumsum(list(chances.values()))
    return list(chances)[min(int(np.searchsorted(edges, luck, side="right")), len(chances) - 1)]


def _instruments(table: Style, rng: np.random.Generator) -> dict[str, str]:
    """A melody is not played by the instrument that plays the chords."""
    found: dict[str, str] = {}
    for role, (chance, names) in table.roles.items():
        there = rng.random() < chance
        name = names[int(rng.integers(len(names)))]
        if there and name not in found.values():
            found[role] = name
    return found


def _chord_beats(meter: int, bpm: int) -> float:
    """A chord lasts a bar, half a bar where bars are long, two where they are short: 1.2 to 2.6 seconds mostly."""
    beats = float(BAR_BEATS[meter])
    seconds = beats * 60 / bpm
    if seconds > 2.6 and meter == 4:
        return beats / 2
    return beats * 2 if seconds < 1.1 else beats


def _sections(
    style: str, instruments: dict[str, str], bars: int, seconds: float, rng: np.random.Generator
) -> tuple[Section, ...]:
    most = min(6, bars, max(1, int(seconds / _SHORTEST_SECTION)))
    fewest = min(most, 2 if most < 5 else 3)
    forms = _FORMS[int(rng.integers(fewest, most + 1))]
    tags = list(forms[int(rng.integers(len(forms)))])
    if style in _ELECTRONIC:
        tags = [
            "Drop" if tag == "Chorus" and i and tags[i - 1] in ("Build", "Breakdown") else tag
            for i, tag in enumerate(tags)
        ]
    shares = np.array([_SHARES.get(tag, 2.0) for tag in tags])
    edges = np.concatenate([[0.0], np.cumsum(shares)]) / shares.sum() * bars
    unit = 4 if bars >= 8 * len(tags) else 2 if bars >= 4 * len(tags) else 1
    starts = [round(float(edge) / unit) * unit for edge in edges[:-1]]
    for i in range(1, len(starts)):
        starts[i] = max(starts[i], starts[i - 1] + 1)
    ends = [*starts[1:], bars]
    kinds = {tag: _kind(tag, style, instruments, rng) for tag in dict.fromkeys(tags)}
    return tuple(
        Section(tag, start, end - start, DENSITY[tag], *kinds[tag])
        for tag, start, end in zip(tags, starts, ends, strict=True)
    )


def _kind(
    tag: str, style: str, instruments: dict[str, str], rng: np.random.Generator
) -> tuple[tuple[str, ...], str, int, str]:
    """Roles, drums, progression and modifier of a kind of section; something always marks the beat."""
    luck = rng.random(4)
    marker = "chords" if "chords" in instruments else "arp"
    drums, roles, modifier = "full", set(instruments), ""
    progression = 1 if tag in ("Chorus", "Drop", "Bridge") else 0
    match tag:
        case "Intro" | "Outro":
            drums = "hats" if luck[0] < 0.6 or style == "ambient" else "none"
            roles = {marker, "drums"} | ({"bass"} if luck[1] < 0.5 or tag == "Outro" else {"pad"})
            modifier = "soft" if drums == "none" else "quiet"
        case "Verse":
            drums = "light" if luck[0] < 0.7 else "full"
            roles -= {"lead"} if luck[1] < 0.65 else {"pad"}
            roles -= {"percussion"} if luck[2] < 0.5 else set()
            modifier = "melodic" if "lead" in roles else "steady"
        case "Pre-Chorus":
            drums, modifier = "light", "rising"
            roles -= {"lead"}
        case "Build":
            drums, modifier = "roll", "building"
            roles -= {"lead", "bass"}
        case "Bridge":
            drums, modifier = "light", "melodic" if "lead" in roles else "steady"
            roles -= {"arp" if "chords" in roles else "pad", "percussion"}
        case "Breakdown":
            drums, modifier = ("hats", "calm") if style == "ambient" else ("none", "calm")
            roles = (
                {marker, "drums", "bass"}
                | ({"pad"} if luck[0] < 0.6 else set())
                | ({"lead"} if luck[1] < 0.4 else set())
            )
            roles -= {"bass"} if luck[2] < 0.5 else set()
        case _:
            modifier = "energetic" if style not in ("ambient", "classical", "bossa nova") else "full"
    if drums == "none":
        roles -= {"drums", "percussion"}
    ordered = tuple(role for role in instruments if role in roles)
    return ordered, drums, progression, modifier


def _texture(brightness: float, busyness: float) -> tuple[str, ...]:
    """Words that the drawn numbers bear out; the caption takes some."""
    words: list[str] = []
    if brightness > 0.66:
        words += BRIGHT
    elif brightness < 0.34:
        words += DARK
    if busyness > 0.7:
        words += BUSY
    elif busyness < 0.3:
        words += SPARSE
    return tuple(words)
