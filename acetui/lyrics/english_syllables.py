"""Syllables of English words: groups of vowels, corrected for what is mute, what parts, and what no rule knows."""

from __future__ import annotations

import re
from functools import lru_cache

_KNOWN = {
    **dict.fromkeys("real fire hour our world girl prayer aches dreamed learned once".split(), 1),
    **dict.fromkeys("maybe every evening hundred naked wicked sacred lion giant trial business".split(), 2),
    **dict.fromkeys("science being poem heartaches cafe acre trio create creates ruin ruins fluid quiet".split(), 2),
    **dict.fromkeys("idea ideas museum koala recipe simile created creating beautiful oasis beloved".split(), 3),
    **dict.fromkeys("violence violent theatre fiery suicide wherever forever moreover chocolate influence".split(), 3),
    **dict.fromkeys("karaoke apostrophe catastrophe reality anxiety society variety hyperbole".split(), 4),
}
"""Words that the rules would get wrong, as they are sung."""

_HEADS = (
    *("some", "every", "home", "life", "love", "time", "side", "fire", "where", "there", "here", "note", "whole"),
    *("more", "fore", "lone", "stone", "wave", "lime", "space", "hope", "name"),
)
"""First parts of compounds, whose mute e would otherwise be counted: "sometimes" is "some" and "times"."""

_VOWEL = re.compile(r"[aeiouy]")
_GROUP = re.compile(r"[aeiouy]+")
_MUTE_U = re.compile(r"(?<=q)u|(?<=g)u(?=[aei])")
_GLIDE = re.compile(r"(?:^|(?<=[aeiou]))y(?=[aeiou])")
_ENDING = re.compile(r"(.+?)(ly|less|ness|ful|ment|ments)$")
_HISSING_ES = re.compile(r"(?:[sxzcg]|ch|sh)es$")
_SYLLABIC_END = re.compile(r"thms?$|sms?$")
_PARTED = re.compile(
    "|".join(
        (
            r"(?<=[bdhmpruvz])i(?=o)",  # ra-di-o, vi-o-lin; not mo-tion, mil-lion
            r"(?<=[bdhmnprv])i(?=a(?!ge?$))",  # pi-a-no; not spe-cial, mar-riage
            r"(?<![aeou])i(?=um|us)",  # sta-di-um, ge-ni-us
            r"(?<=[dhnrv])e(?=o(?!u))",  # ne-on, vi-de-o; not peo-ple, pi-geon
            r"(?<![aeo])u(?=a|e[lnt])",  # ac-tu-al, cru-el, du-et
            r"o(?=em|et)",  # po-em, po-et
            r"(?:(?<=[dlnpq])|(?<=[^f]r))i(?=en|et)",  # au-di-ence, cli-ent; not friend
            r"a(?=os)",  # cha-os
        )
    )
)
"""Vowels that part from the one behind them."""

_HEAD_TAKES_SYLLABLE = {"ll": "[^aeiouyw]$", "ve": "[^aeiouyw]$", "re": "[^aeiouyw]$", "d": "[td]$", "s": "[sxz]$"}
"""Behind which letters a shortened word is a syllable of its own: "it'll", "could've"."""


@lru_cache(maxsize=8192)
def english(word: str) -> int:
    """Syllables of one word in small letters, apostrophes included; at least 1."""
    word = word.replace("’", "'")
    word = f"{word[:-1]}g" if word.endswith("in'") else word.rstrip("'")
    if word in _KNOWN:
        return _KNOWN[word]
    return _shortened(word) if "'" in word else max(1, _counted(word))


def _shortened(word: str) -> int:
    """A word with an apostrophe in it: "didn't", "they'll", "o'clock"."""
    if word.endswith("n't"):
        head = word[:-3]
        return english(head) + (head.endswith(("d", "s", "t", "have", "p")))
    head, _, tail = word.rpartition("'")
    if tail in (*_HEAD_TAKES_SYLLABLE, "m"):
        return english(head) + bool(re.search(_HEAD_TAKES_SYLLABLE.get(tail, "(?!)"), head))
    return max(1, sum(english(part) for part in word.split("'") if _VOWEL.search(part)))


def _counted(word: str) -> int:
    if word in _KNOWN:
        return _KNOWN[word]
    if parts := _compound(word):
        return parts
    if word.endswith("ing") and _VOWEL.search(word[:-3]):
        return _groups(word[:-3]) + 1
    ending = _ENDING.fullmatch(word)
    if ending and _VOWEL.search(ending[1]) and (len(ending[1]) > 3 or not ending[2].startswith("ment")):
        return _counted(ending[1]) + 1
    return _inflected(word)


def _compound(word: str) -> int:
    """The syllables of both parts; 0 where it is no compound that is known."""
    for head in _HEADS:
        rest = word.removeprefix(head)
        consonant = rest[:1] not in tuple("aeiouy")
        if rest != word and len(rest) > 2 and _VOWEL.search(rest) and (consonant or head == "every"):
            return _counted(head) + _counted(rest)
    return 0


def _inflected(word: str) -> int:
    """A word with the ending of a plural or of the past, if it has one."""
    if word.endswith("es") and len(word) > 3:
        return _mute_ended(word[:-1]) + bool(_HISSING_ES.search(word))
    if word.endswith("ed") and word[-3:-2] not in ("e", "i", "") and _VOWEL.search(word[:-2]):
        if word[-3] in "td":
            return _groups(word[:-2]) + 1
        return _mute_ended(word[:-1])
    return _mute_ended(word)


def _mute_ended(word: str) -> int:
    """A final e is mute, but for that of "table"."""
    mute = word.endswith("e") and _VOWEL.search(word[:-1]) and not re.search(r"[^aeiouylrw]le$", word)
    return _groups(word[:-1] if mute else word)


def _groups(word: str) -> int:
    sounded = _GLIDE.sub("j", _MUTE_U.sub("", word))
    return len(_GROUP.findall(_PARTED.sub(r"\g<0>|", sounded))) + bool(_SYLLABIC_END.search(word))
