"""What a person should look at before a caption and its lyrics are rendered: each a sentence, a hint, and where.

Nothing here forbids anything; the model takes every text. What it does with a text that says two things is chance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from acetui.lyrics.lyric_text import OPEN, Tag, is_tag_line, lines_of, spans, sung, tags
from acetui.lyrics.syllables import GUIDE, syllables
from acetui.lyrics.tag_completion import documented
from engine.advice import ADVISED_CHARACTERS
from engine.prompt import MAX_CAPTION_TOKENS, MAX_LYRIC_TOKENS
from engine.values import INSTRUMENTAL, UNKNOWN_LANGUAGE

WARNING, NOTICE = "warning", "notice"

MOST_MODIFIERS = 2
"""More of them stacked in one place make takes worse (facts: parameters.md 6)."""

MOST_SYLLABLES = 14
"""Beyond the guide a line is hurried; beyond this it is cut or garbled."""


@dataclass(frozen=True)
class Finding:
    """One thing to look at. ``field`` is caption or lyrics; ``line`` counts from 0, None where it is all of it."""

    field: str
    line: int | None
    sentence: str
    hint: str
    weight: str = WARNING


@dataclass(frozen=True)
class Words:
    """What is looked at. The token counts are None where nobody has counted."""

    caption: str = ""
    lyrics: str = ""
    bpm: int | None = None
    keyscale: str | None = None
    instrumental: bool = False
    vocal_language: str = UNKNOWN_LANGUAGE
    caption_tokens: int | None = None
    lyric_tokens: int | None = None


def findings(words: Words) -> list[Finding]:
    """Everything to look at, warnings first, then down the text."""
    lines = lines_of(words.lyrics)
    rules = (_lengths(words), _voices(words, lines), _numbers_in_caption(words), _tempo(words))
    found = [each for rule in rules for each in rule]
    found += [*_caption_and_tags(words, lines), *_tags(lines), *_stacked(lines), *_lines(lines, words.vocal_language)]
    found += _script(words)
    return sorted(found, key=lambda each: (each.weight != WARNING, each.line is not None, each.line or 0))


# --- how long ---------------------------------------------------------------------------------------------------------


def _lengths(words: Words) -> Iterator[Finding]:
    """Tokens where they are known, since those are what is cut; else the published number of characters."""
    for name, tokens, most in (
        ("caption", words.caption_tokens, MAX_CAPTION_TOKENS),
        ("lyrics", words.lyric_tokens, MAX_LYRIC_TOKENS),
    ):
        length, advised = len(getattr(words, name)), ADVISED_CHARACTERS[name]
        head = f"The {name} {'has' if name == 'caption' else 'have'}"
        hint = "Shorten it: its end is not read."
        if tokens is not None and tokens > most:
            yield Finding(name, None, f"{head} {tokens} tokens, and {most} are read.", hint)
        elif tokens is None and length > advised:
            yield Finding(name, None, f"{head} {length} characters; about {advised} are read.", hint)


# --- two things at once -----------------------------------------------------------------------------------------------

_NO_VOICE = re.compile(r"\b(?:instrumental|no vocals?|without vocals?|no singing|no voice|vocal-free)\b", re.I)
_VOICE = re.compile(
    r"\b(?:(?:fe)?male (?:vocals?|voice|singer|lead)|vocals|vocalist|singer|sung|singing|rapper|rapped|rapping|choir|"
    r"crooner|duet|a cappella)\b",
    re.I,
)
_FEMALE = re.compile(r"\b(?:female|woman|women|girl)\b", re.I)
_MALE = re.compile(r"\b(?:male|man|men|boy)\b", re.I)
_BOTH = re.compile(r"\b(?:duet|duo|choir|both|trading|call and response|and (?:fe)?male|ensemble|backing)\b", re.I)


def _voices(words: Words, lines: Sequence[str]) -> Iterator[Finding]:
    said = _NO_VOICE.search(words.caption)
    voice = None if said else _VOICE.search(words.caption)
    first = next((number for number, line in enumerate(lines) if sung(line)), None)
    silent = words.instrumental or (first is None and any(_is_instrumental(line) for line in lines))
    if said and first is not None and not words.instrumental:
        sentence = f"The caption says '{said.group().lower()}', and line {first + 1} is sung."
        yield Finding("lyrics", first, sentence, f"Take the words out, or write {INSTRUMENTAL} alone.")
    if voice and silent:
        sentence = f"The caption asks for '{voice.group().lower()}', and the lyrics are {INSTRUMENTAL}."
        yield Finding("caption", None, sentence, "Write words, or describe instruments alone.")
    if words.instrumental and first is not None:
        hint = "Take 'instrumental' back in the metadata to have them sung."
        yield Finding("lyrics", first, "The lyrics are not sung: instrumental is on.", hint)
    yield from _under_instrumental(lines)
    if _FEMALE.search(words.caption) and _MALE.search(words.caption) and not _BOTH.search(words.caption):
        hint = "Write 'duet', or name the voice in each section's tag."
        yield Finding("caption", None, "The caption names a female and a male voice.", hint, NOTICE)


def _is_instrumental(line: str) -> bool:
    return any(tag.name.lower() == INSTRUMENTAL.strip("[]").lower() for tag in tags(line))


def _under_instrumental(lines: Sequence[str]) -> Iterator[Finding]:
    """Words that stand in a section that is to have none."""
    silent: int | None = None
    for number, line in enumerate(lines):
        if is_tag_line(line):
            if _is_instrumental(line):
                silent = number
            elif tags(line)[0].begins_section:
                silent = None
        elif silent is not None and sung(line):
            sentence = f"Line {number + 1} is sung in a section that is {INSTRUMENTAL}."
            yield Finding("lyrics", number, sentence, "Put a tag such as [Verse] before it, or take it out.")
            silent = None


_BPM_WRITTEN = re.compile(r"\b([0-9]{2,3})\s*(?:bpm|beats? (?:a|per) minute)\b", re.I)
# The note is a capital: "in a minor mood" names no key.
_KEY_WRITTEN = re.compile(
    r"\b(?i:in|key of)\s+([A-G](?:[#♯b♭]|(?i: ?sharp| ?flat))?)\s*-?\s*(?i:(major|minor|maj|min))\b"
)


def _numbers_in_caption(words: Words) -> Iterator[Finding]:
    """Tempo and key have fields of their own; in the caption they fight with them, where they do not say the same."""
    tempo = _BPM_WRITTEN.search(words.caption)
    if tempo and str(words.bpm) != tempo.group(1):
        sentence = f"The caption says {tempo.group()}{'' if words.bpm is None else f', and bpm is {words.bpm}'}."
        yield Finding("caption", None, sentence, "Set the tempo in the metadata, and leave it out here.")
    if key := _KEY_WRITTEN.search(words.caption):
        sentence = f"The caption names a key, '{key.group(1)} {key.group(2)}'."
        yield Finding("caption", None, sentence, "Set the key in the metadata, and leave it out here.")


_SLOW = re.compile(r"\b(?:slow|ballad|downtempo|lullaby|slowcore|funeral|dirge)\b", re.I)
_FAST = re.compile(r"\b(?:fast|uptempo|up-tempo|breakneck|frantic|speed metal|drum and bass|thrash|hardcore)\b", re.I)
_TOO_FAST, _TOO_SLOW = 125, 85


def _tempo(words: Words) -> Iterator[Finding]:
    if words.bpm is None:
        return
    slow, fast = _SLOW.search(words.caption), _FAST.search(words.caption)
    hint = "Change the one or the other; half or double time is a word too."
    if slow and not fast and words.bpm > _TOO_FAST:
        yield Finding("caption", None, f"The caption says '{slow.group().lower()}', and bpm is {words.bpm}.", hint)
    if fast and not slow and words.bpm < _TOO_SLOW:
        yield Finding("caption", None, f"The caption says '{fast.group().lower()}', and bpm is {words.bpm}.", hint)


_OPPOSED = (
    (re.compile(r"\b(?:calm|gentle|soft|ambient|lullaby|peaceful|soothing)\b", re.I), ("aggressive", "explosive")),
    (re.compile(r"\b(?:aggressive|brutal|furious|heavy metal|thrash)\b", re.I), ("dreamy", "whispered")),
    (re.compile(r"\b(?:happy|joyful|cheerful|upbeat|euphoric)\b", re.I), ("melancholic",)),
    (re.compile(r"\b(?:sad|melancholic|mournful|sombre|gloomy)\b", re.I), ("euphoric",)),
)


def _caption_and_tags(words: Words, lines: Sequence[str]) -> Iterator[Finding]:
    """Moods and voices that the caption and a tag do not agree on."""
    one_voice = bool(_FEMALE.search(words.caption)) != bool(_MALE.search(words.caption))
    for number, line in enumerate(lines):
        for tag in tags(line):
            said = " ".join((tag.name, *tag.modifiers)).lower()
            for pattern, moods in _OPPOSED:
                mood = next((mood for mood in moods if mood in said), None)
                if mood and (found := pattern.search(words.caption)):
                    sentence = f"The caption says '{found.group().lower()}', and line {number + 1} says '{mood}'."
                    yield Finding("lyrics", number, sentence, "Let one of them give way.", NOTICE)
            other = (_MALE if _FEMALE.search(words.caption) else _FEMALE).search(said)
            if one_voice and other and not _BOTH.search(words.caption):
                sentence = f"Line {number + 1} says '{other.group()}', and the caption names the other voice."
                yield Finding("lyrics", number, sentence, "Write 'duet' in the caption, or let them agree.")


# --- tags -------------------------------------------------------------------------------------------------------------

_NUMBERED = re.compile(r"\s+(?:[0-9]{1,2}|[ivx]{1,4})$")
_KNOWN = frozenset(tag.lower() for tag in documented())
_FAMILIES = (
    "solo",
    "interlude",
    "break",
    "intro",
    "outro",
    "theme",
    "riff",
    "hook",
    "refrain",
    "drop",
    "build",
    "vocal",
)
_ALSO = frozenset("hook refrain interlude break solo rap coda prelude post-chorus end tag instrumental-break".split())


def _tags(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        if any(span.kind == OPEN for span in spans(line)):
            yield Finding("lyrics", number, f"Line {number + 1} opens a bracket and never closes it.", "Write the ].")
        for tag in tags(line):
            if not tag.name:
                yield Finding("lyrics", number, f"Line {number + 1} has an empty tag.", "Name the section.", NOTICE)
            elif not _is_known(tag.name):
                yield Finding("lyrics", number, f"[{tag.name}] is not a documented tag.", _near(tag), NOTICE)


def _is_known(name: str) -> bool:
    word = _NUMBERED.sub("", name.lower())
    return word in _KNOWN or word in _ALSO or word.split()[-1] in _FAMILIES


def _near(tag: Tag) -> str:
    near = get_close_matches(tag.name[:40].lower(), _KNOWN, n=1, cutoff=0.75)
    if near:
        return f"Did you mean [{next(name for name in documented() if name.lower() == near[0])}]?"
    return "Any text is allowed; the model knows the documented ones best."


def _stacked(lines: Sequence[str]) -> Iterator[Finding]:
    """Too many wishes in one place: modifiers of a tag, and tags on tags."""
    run: list[int] = []
    for number, line in enumerate([*lines, ""]):
        found = tags(line)
        if any(len(tag.modifiers) > MOST_MODIFIERS for tag in found):
            most = max(len(tag.modifiers) for tag in found)
            sentence = f"Line {number + 1} stacks {most} modifiers."
            yield Finding("lyrics", number, sentence, f"One or {MOST_MODIFIERS} are kept; more make takes worse.")
        if is_tag_line(line):
            run += [number] * len(found)
        else:
            if len(run) > MOST_MODIFIERS + 1:
                sentence = f"{len(run)} tags follow each other from line {run[0] + 1} on."
                yield Finding("lyrics", run[0], sentence, "Keep the section's tag and one or two more.")
            run = []


# --- lines ------------------------------------------------------------------------------------------------------------


def _lines(lines: Sequence[str], language: str) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        count = syllables(line, language)
        if count is not None and count > MOST_SYLLABLES:
            sentence = f"Line {number + 1} has about {count} syllables."
            yield Finding("lyrics", number, sentence, f"{GUIDE[0]} to {GUIDE[1]} are sung best: break it in two.")


_SCRIPT_LANGUAGES = (
    (re.compile("[ぁ-ヿ]"), ("ja",), "Japanese"),
    (re.compile("[가-힣]"), ("ko",), "Korean"),
    (re.compile("[а-яёіїєґђћљњ]", re.I), ("ru", "uk", "bg", "sr"), "Cyrillic"),
    (re.compile("[α-ωά-ώ]", re.I), ("el",), "Greek"),
    (re.compile("[؀-ۿ]"), ("ar", "fa", "ur"), "Arabic"),
    (re.compile("[א-ת]"), ("he",), "Hebrew"),
    (re.compile("[ก-๛]"), ("th",), "Thai"),
    (re.compile("[ऀ-ॿ]"), ("hi", "ne", "sa"), "Devanagari"),
    (re.compile("[一-鿿]"), ("zh", "yue", "ja", "ko"), "Chinese"),
)
_SHARE = 3
"""A script counts where at least one letter in so many is of it."""


def _script(words: Words) -> Iterator[Finding]:
    """The language that was chosen against the letters that are written."""
    text = "".join(sung(line) for line in lines_of(words.lyrics))
    letters = sum(letter.isalpha() for letter in text)
    if words.vocal_language == UNKNOWN_LANGUAGE or not letters:
        return
    for pattern, languages, name in _SCRIPT_LANGUAGES:
        if len(pattern.findall(text)) * _SHARE >= letters:
            if words.vocal_language not in languages:
                sentence = f"The lyrics are in {name} letters, and the language is {words.vocal_language}."
                yield Finding("lyrics", None, sentence, f"Set the language to {' or '.join(languages)}.")
            return
