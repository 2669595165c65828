"""What a value may be: languages, keys, time signatures, tracks, structure tags, codes (facts: parameters.md 4-6).

Each normaliser takes what a person writes and gives the one form that the model was trained on; it raises ValueError
with the reason in words ("it must be ...").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

BPM = (30, 300)
RELIABLE_BPM = (60, 180)
"""Beats a minute that the model keeps well; the published advice, not a limit."""

TRAINED_SECONDS = (10.0, 600.0)
SHORTEST_SECONDS = 1.0
"""Shorter than the model was trained on, and useful for sketches all the same."""

HIGHEST_CODE = 63999
CODES_A_SECOND = 5
MOST_CODES = CODES_A_SECOND * int(TRAINED_SECONDS[1])
HIGHEST_SEED = 2**32 - 1
LARGEST_BATCH = 8

DEVICE = re.compile(r"auto|cpu|mps|(cuda|xpu)(:[0-9]+)?")
"""What can be asked to render: the best there is, or a device by the name that torch has for it."""

INSTRUMENTAL = "[Instrumental]"
"""The lyrics of a song without a voice."""

UNKNOWN_LANGUAGE = "unknown"

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "ar": "Arabic",
        "az": "Azerbaijani",
        "bg": "Bulgarian",
        "bn": "Bengali",
        "ca": "Catalan",
        "cs": "Czech",
        "da": "Danish",
        "de": "German",
        "el": "Greek",
        "en": "English",
        "es": "Spanish",
        "fa": "Persian",
        "fi": "Finnish",
        "fr": "French",
        "he": "Hebrew",
        "hi": "Hindi",
        "hr": "Croatian",
        "ht": "Haitian Creole",
        "hu": "Hungarian",
        "id": "Indonesian",
        "is": "Icelandic",
        "it": "Italian",
        "ja": "Japanese",
        "ko": "Korean",
        "la": "Latin",
        "lt": "Lithuanian",
        "ms": "Malay",
        "ne": "Nepali",
        "nl": "Dutch",
        "no": "Norwegian",
        "pa": "Punjabi",
        "pl": "Polish",
        "pt": "Portuguese",
        "ro": "Romanian",
        "ru": "Russian",
        "sa": "Sanskrit",
        "sk": "Slovak",
        "sr": "Serbian",
        "sv": "Swedish",
        "sw": "Swahili",
        "ta": "Tamil",
        "te": "Telugu",
        "th": "Thai",
        "tl": "Tagalog",
        "tr": "Turkish",
        "uk": "Ukrainian",
        "ur": "Urdu",
        "vi": "Vietnamese",
        "yue": "Cantonese",
        "zh": "Chinese",
        UNKNOWN_LANGUAGE: "Unknown",
    }
)
"""Code to English name, in the published order."""

PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
"""The twelve pitch classes, for choosing from; flats are accepted too."""

MODES = ("major", "minor")
KEYSCALES = tuple(f"{note}{accidental} {mode}" for note in "ABCDEFG" for accidental in ("", "#", "b") for mode in MODES)
"""Every key in its stored form; the published list spells the same ones with the signs for sharp and flat as well."""

TIME_SIGNATURES: Mapping[str, str] = MappingProxyType({"2": "2/4", "3": "3/4", "4": "4/4", "6": "6/8"})
"""Stored form (the numerator alone) to musical form."""

TRACKS = (
    "woodwinds",
    "brass",
    "fx",
    "synth",
    "strings",
    "percussion",
    "keyboard",
    "guitar",
    "bass",
    "drums",
    "backing_vocals",
    "vocals",
)

STRUCTURE_TAGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "basic structure": (
            "[Intro]",
            "[Verse]",
            "[Verse 1]",
            "[Pre-Chorus]",
            "[Chorus]",
            "[Final Chorus]",
            "[Bridge]",
            "[Outro]",
        ),
        "dynamics": ("[Build]", "[Drop]", "[Breakdown]", "[Climax]"),
        "instrumental": (
            INSTRUMENTAL,
            "[Guitar Solo]",
            "[Piano Interlude]",
            "[Violin Solo]",
            "[Main Theme]",
            "[drum break]",
        ),
        "special": ("[Fade Out]", "[Silence]"),
        "vocal control": (
            "[raspy vocal]",
            "[whispered]",
            "[falsetto]",
            "[powerful belting]",
            "[spoken word]",
            "[harmonies]",
            "[call and response]",
            "[ad-lib]",
        ),
        "energy and emotion": (
            "[high energy]",
            "[low energy]",
            "[building energy]",
            "[explosive]",
            "[explosive drop]",
            "[melancholic]",
            "[euphoric]",
            "[dreamy]",
            "[aggressive]",
        ),
    }
)
"""Documented lyric tags by group; any other text in brackets is allowed too."""

TURBO_TIMESTEPS = tuple(
    sorted(
        {shift * t / (1 + (shift - 1) * t) for shift in (1, 2, 3) for t in (k / 8 for k in range(1, 9))}, reverse=True
    )
)
"""The 20 times that turbo models were distilled at: eight steps at shift 1, 2 and 3 (facts: dit.md 12)."""

_UNSET = ("", "n/a")
_KEY = re.compile(r"([A-Ga-g])\s*(#|♯|b|♭|-?sharp|-?flat)?[\s-]*(m|maj|major|min|minor)?", re.IGNORECASE | re.ASCII)
_ACCIDENTALS = {"#": "#", "♯": "#", "sharp": "#", "b": "b", "♭": "b", "flat": "b"}
_CODE_TOKEN = re.compile(r"<\|audio_code_([0-9]+)\|>")


def language(written: str) -> str:
    """The code of a language given by code or by English name; nothing written is ``unknown``."""
    word = written.strip().lower()
    if word in LANGUAGES:
        return word
    if not word:
        return UNKNOWN_LANGUAGE
    for code, name in LANGUAGES.items():
        if word == name.lower():
            return code
    raise ValueError(f"it must be one of {', '.join(LANGUAGES)}")


def keyscale(written: str) -> str | None:
    """A key in its stored form: 'Am' -> 'A minor', 'B♭ Major' -> 'Bb major', 'C' -> 'C major'; None where unset."""
    if written.strip().lower() in _UNSET:
        return None
    found = _KEY.fullmatch(written.strip())
    if found is None:
        raise ValueError("it must be a note from A to G, with # or b where needed, and major or minor")
    note, accidental, mode = found.groups(default="")
    sign = _ACCIDENTALS.get(accidental.lower().lstrip("-"), "")
    return f"{note.upper()}{sign} {_mode(mode)}"


def _mode(written: str) -> str:
    """Only a lone small m is minor by its case: 'CM' and 'Cm' are two keys."""
    return "minor" if written == "m" or written.lower().startswith("min") else "major"


def time_signature(written: str) -> str | None:
    """A time signature in its stored form: '4/4' -> '4', '6/8' -> '6', '3' -> '3'; None where unset."""
    word = written.strip().lower().replace(" ", "")
    if word in _UNSET:
        return None
    for stored, musical in TIME_SIGNATURES.items():
        if word in (stored, musical):
            return stored
    raise ValueError("it must be one of 2, 3, 4, 6 (2/4, 3/4, 4/4, 6/8)")


def track(written: str) -> str:
    """A track name in its stored form: 'Backing Vocals' -> 'backing_vocals'."""
    name = re.sub(r"[\s-]+", "_", written.strip().lower())
    if name not in TRACKS:
        raise ValueError(f"it must be one of {', '.join(TRACKS)}")
    return name


def parse_codes(written: object) -> tuple[int, ...]:
    """Audio codes (5 a second) from '<|audio_code_1|><|audio_code_2|>', from '1, 2' or from a list of whole numbers."""
    if isinstance(written, str):
        written = _CODE_TOKEN.sub(r" \1 ", written).replace(",", " ").split()
    if not isinstance(written, list | tuple):
        raise ValueError("it must be a code string, a comma list or a list of whole numbers")
    if len(written) > MOST_CODES:
        raise ValueError(f"it must hold at most {MOST_CODES} codes ({CODES_A_SECOND} a second)")
    return tuple(_code(code, position) for position, code in enumerate(written, 1))


def _code(written: object, position: int) -> int:
    """Leading zeros aside, a code has at most five digits: more are refused unread, however many there are."""
    if isinstance(written, str) and re.fullmatch(r"0*[0-9]{1,5}", written):
        written = int(written[-5:])
    if isinstance(written, bool) or not isinstance(written, int) or not 0 <= written <= HIGHEST_CODE:
        raise ValueError(f"each code must be a whole number from 0 to {HIGHEST_CODE}, and number {position} is not")
    return written
