"""Small songs, composed and synthesised from a seed: what acetui-nano is trained on. Nothing but numpy is needed."""

from tools.nano.music.compose import compose
from tools.nano.music.render import master, render, render_stems
from tools.nano.music.song import Section, Song
from tools.nano.music.styles import STYLES
from tools.nano.music.words import caption, lyrics, split_words, vocabulary

__all__ = [
    "STYLES",
    "Section",
    "Song",
    "caption",
    "compose",
    "lyrics",
    "master",
    "render",
    "render_stems",
    "split_words",
    "vocabulary",
]
