"""The words that captions are made of."""

from __future__ import annotations

from collections.abc import Mapping

BRIGHT = ("bright", "crisp", "clear")
DARK = ("mellow", "muted", "soft sounding")
BUSY = ("busy", "dense")
SPARSE = ("sparse", "simple", "minimal")

STYLE_WORDS: Mapping[str, tuple[str, ...]] = {
    "house": ("house", "dance house", "club house"),
    "hip hop": ("hip hop", "boom bap", "boom bap hip hop"),
    "synthwave": ("synthwave", "retro synthwave", "eighties synthwave", "retrowave"),
    "ambient": ("ambient", "drifting ambient", "atmospheric ambient"),
    "rock": ("rock", "guitar rock", "hard rock"),
    "classical": ("classical", "orchestral", "chamber"),
    "chiptune": ("chiptune", "8-bit chiptune", "retro game chiptune", "8-bit video game"),
    "bossa nova": ("bossa nova", "bossa", "latin bossa nova", "brazilian bossa nova"),
}
"""What may stand before a noun; each has a word that no other style has."""

STYLE_NOUNS: Mapping[str, tuple[str, ...]] = {
    "house": ("house music", "house track"),
    "hip hop": ("hip hop beat", "boom bap beat"),
    "synthwave": ("synthwave track", "retrowave music"),
    "ambient": ("ambient music", "ambient soundscape"),
    "rock": ("rock music", "rock song"),
    "classical": ("classical music", "chamber music", "orchestral music"),
    "chiptune": ("chiptune music", "video game music"),
    "bossa nova": ("bossa nova music", "bossa nova song"),
}
"""What stands alone."""

WALTZ = ("classical waltz", "waltz")
"""For classical songs in three."""

MOODS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("major", "high"): ("happy", "uplifting", "cheerful", "energetic", "lively", "joyful", "powerful"),
    ("major", "middle"): ("happy", "sunny", "warm", "hopeful", "positive", "cheerful", "playful"),
    ("major", "low"): ("calm", "peaceful", "gentle", "relaxed", "warm", "dreamy", "hopeful"),
    ("minor", "high"): ("dark", "tense", "driving", "energetic", "aggressive", "dramatic", "powerful"),
    ("minor", "middle"): ("moody", "dark", "serious", "mysterious", "cool", "emotional", "dramatic"),
    ("minor", "low"): ("sad", "melancholic", "lonely", "dark", "mysterious", "calm", "dreamy"),
}
"""Mode and energy to moods."""

TEMPO_WORDS: Mapping[str, tuple[str, ...]] = {
    "slow": ("slow", "slow tempo", "very slow"),
    "leisurely": ("slow", "relaxed tempo", "laid back"),
    "middle": ("mid tempo", "medium tempo", "moderate tempo"),
    "quick": ("upbeat", "quick", "fast tempo"),
    "fast": ("fast", "very fast", "fast tempo"),
}
"""From 60 to 180 beats a minute: below 76, 96, 124, 150, and above."""

TEMPO_EDGES = (76, 96, 124, 150)

METER_WORDS: Mapping[int, tuple[str, ...]] = {
    2: ("two beats to the bar",),
    3: ("in three", "three beats to the bar"),
    6: ("in six", "rolling six eight"),
}

MODE_WORDS: Mapping[str, tuple[str, ...]] = {"major": ("major key",), "minor": ("minor key",)}

FORM_WORDS: Mapping[str, tuple[str, ...]] = {
    "Breakdown": ("with a quiet breakdown", "with a breakdown"),
    "Build": ("with a build up", "building up"),
    "Drop": ("with a big drop",),
    "Bridge": ("with a bridge",),
}
"""What the form has to offer, by tag."""

SENTENCES = (
    "{a mood} {style} track with {one} and {two}",
    "{a mood} {style} song with {one}, {two} and {three}",
    "{a tempo} {style} piece with {one} and {two}",
    "{a mood}, {texture} {style} track featuring {one}",
    "{mood} and {mood2} {noun} with {one} and {two}",
    "{one} and {two} play {a mood} {style} tune",
    "{noun} with {one}, {two} and {three}",
    "{tempo} {noun} with {one}, {mood} and {mood2}",
    "this is {a mood} {style} track, {tempo}, with {one}",
    "{one}, {two} and {three} in {a mood} {style} song",
    "{a texture} {style} groove with {one} and {two}, {mood} feel",
    "instrumental {noun}, {mood} mood, led by {lead}",
    "{a mood} {style} melody on {lead} over {other}",
    "{a tempo} {texture} {style} instrumental built on {one} and {two}",
    "{noun} for {a mood} day, with {one} and {two}",
    "the sound of {one} and {two}, {mood} {noun}",
)
"""Templates; ``{a x}`` puts the article before the word. One that needs what a song lacks is not used for it."""

EXTRA_TAGS = ("instrumental", "music", "song", "track")
