"""What is written of a song: its caption, its lyrics, and every word that can occur in them."""

from __future__ import annotations

import re

import numpy as np

from tools.nano.music import wording
from tools.nano.music.arrange import stream
from tools.nano.music.compose import DENSITY, MODIFIERS
from tools.nano.music.instruments import INSTRUMENTS
from tools.nano.music.song import Song

INSTRUMENTAL = "[Instrumental]"
_FIELD = re.compile(r"\{([a-z0-9 ]+)\}")
_WORD = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def split_words(text: str) -> list[str]:
    """The words of a caption or of lyrics, in small letters; a hyphen holds one together ('8-bit', 'pre-chorus')."""
    return _WORD.findall(text.lower())


def caption(song: Song, rng: np.random.Generator) -> str:
    """A description: comma-separated tags or a sentence, 4 to 25 words that are true of the song.

    It always has a name of the style, seldom the mode or the meter, and never the tempo's number.
    """
    for _ in range(20):
        text = _tags(song, rng) if rng.random() < 0.5 else _sentence(song, rng)
        if 4 <= len(split_words(text)) <= 25:
            return text[0].upper() + text[1:] if rng.random() < 0.12 else text
    return f"{song.style} instrumental with {_pick(_instruments(song), rng)}"


def lyrics(song: Song) -> str:
    """The sections' tags with blank lines between, some with a modifier; or that it is instrumental."""
    rng = stream(song, "lyrics")
    if rng.random() < 0.15:
        return INSTRUMENTAL
    modified = 0.4 if rng.random() < 0.6 else 0.0
    lines = []
    for section in song.sections:
        with_modifier = section.modifier and rng.random() < modified
        lines.append(f"[{section.tag} - {section.modifier}]" if with_modifier else f"[{section.tag}]")
    return "\n\n".join(lines)


def vocabulary() -> list[str]:
    """Every word (see ``split_words``) that ``caption`` and ``lyrics`` can produce, sorted."""
    texts = [INSTRUMENTAL, "a an instrumental with", *DENSITY, *MODIFIERS, *wording.EXTRA_TAGS, *wording.WALTZ]
    texts += [_FIELD.sub(" ", sentence) for sentence in wording.SENTENCES]
    texts += [*wording.BRIGHT, *wording.DARK, *wording.BUSY, *wording.SPARSE]
    for table in (
        wording.STYLE_WORDS,
        wording.STYLE_NOUNS,
        wording.TEMPO_WORDS,
        wording.MODE_WORDS,
        wording.FORM_WORDS,
    ):
        texts += [text for row in table.values() for text in row]
    texts += [text for row in wording.METER_WORDS.values() for text in row]
    texts += [text for row in wording.MOODS.values() for text in row]
    texts += [text for instrument in INSTRUMENTS.values() for text in instrument.words]
    texts += list(wording.STYLE_WORDS)
    return sorted({word for text in texts for word in split_words(text)})


def _pick(options: tuple[str, ...] | list[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def _shuffled(options: list[str], rng: np.random.Generator) -> list[str]:
    return [options[i] for i in rng.permutation(len(options))]


def _style(song: Song, rng: np.random.Generator, *, noun: bool) -> str:
    """The plain name two times in five; ``noun`` asks for what can stand alone."""
    if song.style == "classical" and song.meter == 3 and rng.random() < 0.4:
        return _pick(wording.WALTZ, rng)
    if noun and rng.random() < 0.35:
        return _pick(wording.STYLE_NOUNS[song.style], rng)
    if song.style == "classical" and noun:
        return "classical music"
    return song.style if rng.random() < 0.4 else _pick(wording.STYLE_WORDS[song.style], rng)


def _energy(song: Song) -> str:
    if song.style == "ambient" or song.bpm < 84:
        return "low"
    return "high" if song.bpm >= 118 and song.style not in ("classical", "bossa nova") else "middle"


def _instruments(song: Song) -> list[str]:
    """Names of what is heard: roles that no section plays are not."""
    heard = {role for section in song.sections for role in section.roles}
    return [name for role, name in song.instruments.items() if role in heard]


def _called(song: Song, rng: np.random.Generator, count: int) -> list[str]:
    """Up to ``count`` instruments as captions call them, no two alike."""
    names = _shuffled(_instruments(song), rng)[:count]
    return list(dict.fromkeys(_pick(INSTRUMENTS[name].words, rng) for name in names))


def _tempo(song: Song, rng: np.random.Generator) -> str:
    index = int(np.searchsorted(wording.TEMPO_EDGES, song.bpm, side="right"))
    return _pick(list(wording.TEMPO_WORDS.values())[index], rng)


def _tags(song: Song, rng: np.random.Generator) -> str:
    """The style comes first half of the time; the rest is in any order."""
    moods = _shuffled(list(wording.MOODS[song.mode, _energy(song)]), rng)
    tags = _called(song, rng, int(rng.integers(1, 4))) + moods[: int(rng.integers(1, 3))]
    if rng.random() < 0.45:
        tags.append(_tempo(song, rng))
    if song.texture and rng.random() < 0.5:
        tags.append(_pick(song.texture, rng))
    if rng.random() < 0.06:
        tags += wording.MODE_WORDS[song.mode]
    if song.meter in wording.METER_WORDS and rng.random() < 0.2:
        tags.append(_pick(wording.METER_WORDS[song.meter], rng))
    if rng.random() < 0.15:
        tags.append(wording.EXTRA_TAGS[0])
    forms = [form for section in song.sections for form in wording.FORM_WORDS.get(section.tag, ())]
    if forms and rng.random() < 0.2:
        tags.append(_pick(forms, rng))
    tags = _shuffled(list(dict.fromkeys(tags)), rng)
    tags.insert(
        0 if rng.random() < 0.6 else int(rng.integers(len(tags) + 1)), _style(song, rng, noun=rng.random() < 0.5)
    )
    return ", ".join(tags)


def _sentence(song: Song, rng: np.random.Generator) -> str:
    moods = _shuffled(list(wording.MOODS[song.mode, _energy(song)]), rng)
    words = {
        "style": _style(song, rng, noun=False),
        "noun": _style(song, rng, noun=True),
        "mood": moods[0],
        "mood2": moods[1],
        "tempo": _tempo(song, rng),
    }
    called = _called(song, rng, 3)
    words |= dict(zip(("one", "two", "three"), called, strict=False))
    if song.texture:
        words["texture"] = _pick(song.texture, rng)
    lead = song.instruments.get("lead")
    if lead in _instruments(song):
        others = [word for word in called if word not in INSTRUMENTS[lead].words]
        words |= {"lead": _pick(INSTRUMENTS[lead].words, rng), "other": others[0]} if others else {}
    known = [
        sentence
        for sentence in wording.SENTENCES
        if all(field.removeprefix("a ") in words for field in _FIELD.findall(sentence))
    ]

    def fill(found: re.Match[str]) -> str:
        field = found[1]
        word = words[field.removeprefix("a ")]
        if not field.startswith("a "):
            return word
        return f"{'an' if word[0] in 'aeiou' or word.startswith('8') else 'a'} {word}"

    text = _FIELD.sub(fill, _pick(known, rng))
    forms = [form for section in song.sections for form in wording.FORM_WORDS.get(section.tag, ())]
    return f"{text}, {_pick(forms, rng)}" if forms and rng.random() < 0.15 else text
