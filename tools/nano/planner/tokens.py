"""The planner's tokenizer: Qwen's rules and special tokens, the words of the songs, and a token for every audio code.

Numbers are written digit by digit, as in the real one: a number that was never heard of can be read and copied.
"""

from __future__ import annotations

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from engine.planner import prompts
from engine.planner.reasoning import FIELDS
from engine.testing.vocabulary import END_OF_TEXT, with_qwen_rules
from engine.values import KEYSCALES, UNKNOWN_LANGUAGE
from tools.nano.music import vocabulary
from tools.nano.music.compose import DENSITY, MODIFIERS
from tools.nano.planner.asking import SMALL_TALK

END_OF_TURN = "<|im_end|>"
_CONTROL = (END_OF_TEXT, "<|im_start|>", END_OF_TURN)
_MARKUP = ("<think>", "</think>")

_FIXED = (
    *(prompts.chat(text, "") for text in (prompts.GENERATE, prompts.SAMPLE, prompts.FORMAT, prompts.UNDERSTAND)),
    *prompts.plan_prompt("a", "[Instrumental]"),
    *prompts.sample_prompt("", instrumental=True),
    *prompts.sample_prompt("", instrumental=False),
    "\n\n# Lyric\n# Languages\n[Verse]\n\n[Chorus - soft]\n[a - full] unknown, (\n\n\n",
    f" en {UNKNOWN_LANGUAGE} bpm BPM seconds",
)


def build_tokenizer(codes: int) -> Tokenizer:
    """The tokenizer with that many audio codes, the same on every call.

    A word is one token if it is known and bytes if not: there are no merges, so no token is the beginning of a word.
    """
    known: dict[str, int] = {symbol: index for index, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    rules = with_qwen_rules(Tokenizer(models.BPE()))
    for text in _texts():
        for piece, _ in rules.pre_tokenizer.pre_tokenize_str(text):
            known.setdefault(piece, len(known))
    tokenizer = with_qwen_rules(Tokenizer(models.BPE(vocab=known, merges=[], ignore_merges=True)))
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in _CONTROL])
    written = [f"<|audio_code_{code}|>" for code in range(codes)]
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in (*_MARKUP, *written)])
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _texts() -> list[str]:
    texts = [*_FIXED, *(f"{field}:" for field in FIELDS)]
    texts += [f"{word}, {word}\n{word.capitalize()}" for word in vocabulary()]
    texts += [f"[{tag}]\n\n[{tag} - {modifier}]" for tag in DENSITY for modifier in MODIFIERS]
    texts += [f" {key}" for key in KEYSCALES if key.isascii()]
    texts += [f"{word} {word}\n{word.capitalize()}" for word in SMALL_TALK]
    return [text.replace("<|im_start|>", "\n").replace(END_OF_TURN, "\n") for text in texts]
