import re

import numpy as np

from engine.values import INSTRUMENTAL, STRUCTURE_TAGS
from tools.nano.music import STYLES, caption, compose, lyrics, split_words, vocabulary
from tools.nano.music.wording import STYLE_NOUNS, STYLE_WORDS, WALTZ

PUBLISHED = {tag for group in STRUCTURE_TAGS.values() for tag in group}


def test_captions_name_the_style_and_no_other():
    names = {style: (style, *STYLE_WORDS[style], *STYLE_NOUNS[style]) for style in STYLES}
    names["classical"] += WALTZ
    for seed in range(400):
        song = compose(seed)
        text = caption(song, np.random.default_rng(seed)).lower()
        assert any(re.search(rf"\b{name}\b", text) for name in names[song.style]), text
        others = [name for style in STYLES if style != song.style for name in (style, *STYLE_WORDS[style])]
        plain = text.replace("rock drums", "")
        assert not any(re.search(rf"\b{name}\b", plain) for name in others if name not in names[song.style]), text


def test_captions_are_short_varied_and_keep_numbers_to_themselves():
    texts = []
    for seed in range(400):
        song = compose(seed)
        text = caption(song, np.random.default_rng(seed))
        assert 4 <= len(split_words(text)) <= 25, text
        assert str(song.bpm) not in text
        assert song.key not in text
        texts.append(text)
    assert len(set(texts)) > 390
    assert 0.2 < np.mean([text.count(",") >= 3 for text in texts]) < 0.7
    assert np.mean([text == text.lower() for text in texts]) > 0.8
    song = compose(1)
    assert caption(song, np.random.default_rng(1)) == caption(song, np.random.default_rng(1))
    assert len({caption(song, np.random.default_rng(seed)) for seed in range(50)}) > 40


def test_the_vocabulary_covers_captions_and_lyrics_and_nothing_is_idle():
    known, met = set(vocabulary()), set()
    for seed in range(1500):
        song = compose(seed)
        met |= set(split_words(caption(song, np.random.default_rng(seed)))) | set(split_words(lyrics(song)))
    assert met <= known
    assert len(known) <= 400
    assert len(known - met) <= 3
    assert vocabulary() == sorted(known)


def test_lyrics_are_published_tags_in_the_order_of_the_sections():
    modified = 0
    for seed in range(300):
        song = compose(seed)
        text = lyrics(song)
        assert text == lyrics(song)
        if text == INSTRUMENTAL:
            continue
        lines = text.split("\n\n")
        for line, section in zip(lines, song.sections, strict=True):
            tag, _, modifier = line.strip("[]").partition(" - ")
            assert f"[{tag}]" in PUBLISHED
            assert tag == section.tag
            assert modifier in ("", section.modifier)
            modified += bool(modifier)
    assert modified > 50
