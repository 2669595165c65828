"""How many syllables a line is sung with: rules for English and for other writing, good enough to steer by.

The published advice is 6 to 10 syllables a line. Scripts that do not write their vowels (Arabic, Hebrew) and Thai are
not counted rather than guessed.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from acetui.lyrics.english_syllables import english
from acetui.lyrics.lyric_text import sung

GUIDE = (6, 10)
"""The fewest and the most syllables of a line that the model sings well."""

SHORT, GOOD, LONG = "short", "good", "long"

# A letter, or a mark on one: those of Indic scripts are vowels.
_LETTER = r"(?:[^\W\d_]|[\u0300-\u036f\u0900-\u0dff])"
_TOKEN = re.compile(rf"{_LETTER}+(?:['’]{_LETTER}+)*['’]?|[0-9]")
_ENGLISH = ("en", "unknown")
_EVERY_VOWEL = frozenset(("tr", "az", "hu", "sw", "hr", "sr", "la"))
"""Languages in which each vowel letter is a syllable."""

_HARD_Y = frozenset(("tr", "az", "hu", "sw", "id", "ms", "tl", "ht"))
"""Languages in which y is a consonant."""

_HIATUS = frozenset(("es", "it", "pt", "ca", "ro"))
"""Languages in which two strong vowels, or an accented weak one beside another, are two syllables."""

_VOWELS = "aeiouyæœøı"
_VOWEL = re.compile(f"[{_VOWELS}]")
_GROUPS = re.compile(f"[{_VOWELS}]+")
_STRONG = "aeoáéóàèòâêôãõă"
_ACCENTED_WEAK = "íúì"
_SYLLABIC = re.compile(r"(?<![aeiouy])[rl](?![aeiouy])")
_CYRILLIC = re.compile("[аеёиоуыэюяіїє]")
_GREEK = re.compile("αι|ει|οι|υι|ου|αυ|ευ|ηυ|[αεηιουω]")
_FRENCH_MUTE = re.compile(r"(?<=[^aeiouy])e(?:s|nt)?$")
_SMALL_KANA = frozenset("ゃゅょぁぃぅぇぉゎャュョァィゥェォヮ")
_FINAL_SCHWA = frozenset(("hi", "ne", "pa", "ur", "bn", "unknown"))


def judged(count: int) -> str:
    """Where a count lies beside the guide: short, good or long."""
    return SHORT if count < GUIDE[0] else GOOD if count <= GUIDE[1] else LONG


@lru_cache(maxsize=4096)
def syllables(line: str, language: str = "unknown") -> int | None:
    """Syllables of a line's lead voice, tags and backing vocals aside; 0 where nothing is sung.

    None where some of it is in a script that cannot be counted.
    """
    words = sung(line, backing=False).lower()
    total = 0
    for token in _TOKEN.findall(words):
        for part in _by_script(token):
            count = _counted(part, language)
            if count is None:
                return None
            total += count
    return total


def _by_script(token: str) -> list[str]:
    """A run of letters cut where the script changes, as in a line that mixes kana and Latin words."""
    parts: list[str] = []
    last = ""
    for letter in token:
        script = _script(letter)
        if parts and script in (last, "mark"):
            parts[-1] += letter
        else:
            parts.append(letter)
            last = script
    return parts


_SCRIPTS = (
    ("LATIN", "latin"),
    ("CYRILLIC", "cyrillic"),
    ("GREEK", "greek"),
    ("HIRAGANA", "kana"),
    ("KATAKANA", "kana"),
    ("HANGUL", "hangul"),
    ("CJK", "han"),
    ("DEVANAGARI", "indic"),
    ("BENGALI", "indic"),
    ("GURMUKHI", "indic"),
    ("TAMIL", "indic"),
    ("TELUGU", "indic"),
)


@lru_cache(maxsize=1024)
def _script(letter: str) -> str:
    if letter in "'’":
        return "mark"
    if letter.isdigit():
        return "digit"
    if unicodedata.category(letter).startswith("M") and "VOWEL" not in unicodedata.name(letter, ""):
        return "mark"
    name = unicodedata.name(letter, "")
    return next((script for word, script in _SCRIPTS if word in name), "other")


def _counted(word: str, language: str) -> int | None:
    script = _script(word[0])
    if script == "latin":
        return _latin(word, language)
    if script == "cyrillic":
        return len(_CYRILLIC.findall(word))
    if script == "greek":
        return len(_GREEK.findall(_plain(word)))
    if script == "kana":
        return sum(letter not in _SMALL_KANA for letter in word)
    if script in ("hangul", "han"):
        return len(word)
    if script == "indic":
        return _indic(word, language)
    return 1 if script == "digit" else 0 if script == "mark" else None


def _plain(word: str) -> str:
    """Letters without accents; a diaeresis that parts two vowels becomes a bar between them."""
    parted = re.sub("(?<=[aeou])[ïë]", lambda letter: "|" + letter.group(), unicodedata.normalize("NFC", word))
    return "".join(letter for letter in unicodedata.normalize("NFD", parted) if not unicodedata.combining(letter))


def _latin(word: str, language: str) -> int:
    if language in _ENGLISH and word.isascii():
        return english(word)
    if language == "vi":
        return 1
    if language in _HIATUS:
        return _hiatus(unicodedata.normalize("NFC", word))
    plain = _plain(word)
    if language in _HARD_Y:
        plain = plain.replace("y", "j")
    if language == "fr" and _GROUPS.search(voiced := _plain(_FRENCH_MUTE.sub("", word))):
        plain = voiced
    if language in _EVERY_VOWEL:
        return len(_VOWEL.findall(plain)) or 1
    groups = len(_GROUPS.findall(plain))
    if language in ("cs", "sk", "hr", "sr"):
        groups += len(_SYLLABIC.findall(plain))
    return groups or 1


def _hiatus(word: str) -> int:
    """Groups of vowels, cut between strong ones and at accents; after g and q, u is mute."""
    word = re.sub(r"(?<=[gq])u(?=[eiéíèì])", "", word)
    count = 0
    previous = ""
    for letter in word:
        vowel = letter in _STRONG or letter in "iuyüïîû" or letter in _ACCENTED_WEAK
        if vowel:
            strong = letter in _STRONG
            joined = previous and not (strong and previous in _STRONG)
            if not joined or letter in _ACCENTED_WEAK or previous in _ACCENTED_WEAK:
                count += 1
        previous = letter if vowel else ""
    return count or 1


def _indic(word: str, language: str) -> int:
    """Letters that carry a vowel: those without a virama; a bare consonant at the end is mute in most languages."""
    count = 0
    bare_end = False
    for position, letter in enumerate(word):
        if unicodedata.category(letter) != "Lo":
            bare_end = False
            continue
        silenced = position + 1 < len(word) and unicodedata.combining(word[position + 1]) == 9
        count += not silenced
        bare_end = not silenced and "LETTER" in unicodedata.name(letter, "") and letter not in "अआइईउऊएऐओऔ"
    if bare_end and count > 1 and language in _FINAL_SCHWA:
        count -= 1
    return count
