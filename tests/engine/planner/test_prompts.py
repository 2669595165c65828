"""The planner's prompts against the literal strings of its training, and token by token."""

from __future__ import annotations

from functools import cache

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from engine.planner import prompts
from engine.planner.reasoning import think_block
from engine.planner.vocabulary import encode
from engine.testing.vocabulary import build_tokenizer, with_qwen_rules

GENERATE = (
    "<|im_start|>system\n# Instruction\nGenerate audio semantic tokens based on the given conditions:\n\n<|im_end|>\n"
)
METADATA = {
    "bpm": 120,
    "caption": "A driving synthwave track",
    "duration": 180,
    "keyscale": "C major",
    "language": "en",
    "timesignature": "4",
}

# Qwen's own expression: a number is one digit, contractions are cut off, a space belongs to the word behind it.
QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{{ '<|im_start|>assistant\n' }}"
)


def test_what_a_plan_is_written_after() -> None:
    assert prompts.plan_prompt("slow jazz", "[Verse]\nla la") == (
        GENERATE + "<|im_start|>user\n# Caption\nslow jazz\n\n# Lyric\n[Verse]\nla la\n<|im_end|>\n"
        "<|im_start|>assistant\n",
    )


def test_what_codes_are_written_after() -> None:
    first, second = prompts.codes_prompt("slow jazz", "la", METADATA)
    assert (first,) == prompts.plan_prompt("slow jazz", "la")
    assert second == (
        "<think>\nbpm: 120\ncaption: A driving synthwave track\nduration: 180\nkeyscale: C major\nlanguage: en\n"
        "timesignature: 4\n</think>\n\n"
    )


@pytest.mark.parametrize("negative", ["NO USER INPUT", "", "  \n", " NO USER INPUT "])
def test_guidance_leads_away_from_nothing(negative: str) -> None:
    assert prompts.unguided_prompt("slow jazz", "la", negative, legacy=False) == (
        GENERATE + "<|im_start|>user\nNO USER INPUT<|im_end|>\n<|im_start|>assistant\n",
        "<think>\n\n</think>\n\n",
    )


def test_guidance_leads_away_from_what_is_not_wanted() -> None:
    user = "<|im_start|>user\ndrums<|im_end|>\n<|im_start|>assistant\n"
    assert prompts.unguided_prompt("slow jazz", "la", "drums", legacy=False)[0] == GENERATE + user


@pytest.mark.parametrize(("negative", "caption"), [("NO USER INPUT", "slow jazz"), ("drums", "drums")])
def test_older_versions_kept_the_words_in_what_they_led_away_from(negative: str, caption: str) -> None:
    user = f"<|im_start|>user\n# Caption\n{caption}\n\n# Lyric\nla\n<|im_end|>\n<|im_start|>assistant\n"
    assert prompts.unguided_prompt("slow jazz", "la", negative, legacy=True)[0] == GENERATE + user


@pytest.mark.parametrize(
    ("made", "instruction", "user"),
    [
        (
            prompts.sample_prompt("a soft Bengali love song", instrumental=False),
            "Expand the user's input into a more detailed and specific musical description:",
            "a soft Bengali love song\n\ninstrumental: false",
        ),
        (
            prompts.sample_prompt("", instrumental=True),
            "Expand the user's input into a more detailed and specific musical description:",
            "NO USER INPUT\n\ninstrumental: true",
        ),
        (
            prompts.format_prompt("jazz", "[Verse]\nla"),
            "Format the user's input into a more detailed and specific musical description:",
            "# Caption\njazz\n\n# Lyric\n[Verse]\nla",
        ),
        (
            prompts.format_prompt("", ""),
            "Format the user's input into a more detailed and specific musical description:",
            "# Caption\nNO USER INPUT\n\n# Lyric\n[Instrumental]",
        ),
        (
            prompts.understand_prompt(prompts.code_string((3, 63999))),
            "Understand the given musical conditions and describe the audio semantics accordingly:",
            "<|audio_code_3|><|audio_code_63999|>",
        ),
        (
            prompts.understand_prompt(""),
            "Understand the given musical conditions and describe the audio semantics accordingly:",
            "NO USER INPUT",
        ),
    ],
)
def test_the_other_jobs(made: tuple[str, ...], instruction: str, user: str) -> None:
    assert made == (
        f"<|im_start|>system\n# Instruction\n{instruction}\n\n<|im_end|>\n<|im_start|>user\n{user}<|im_end|>\n"
        "<|im_start|>assistant\n",
    )


TEXTS = st.text(
    alphabet=st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n:{}[]'\"#&*!|>%@`"), max_size=80
)


@cache
def tokenizers(split: str | None) -> tuple[Tokenizer, PreTrainedTokenizerFast]:
    tokenizer = build_tokenizer(audio_codes=31)
    tokenizer = with_qwen_rules(tokenizer, split) if split else tokenizer
    return tokenizer, PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=TEMPLATE)


@pytest.mark.parametrize("split", [None, QWEN_SPLIT])
@settings(max_examples=60, deadline=None)
@given(caption=TEXTS, lyrics=TEXTS)
def test_pieces_are_the_tokens_of_the_whole_chat(split: str | None, caption: str, lyrics: str) -> None:
    """The reference renders a chat template and cuts the whole text up; here it is cut up piece by piece."""
    tokenizer, theirs = tokenizers(split)
    system = "# Instruction\nGenerate audio semantic tokens based on the given conditions:\n\n"
    user = f"# Caption\n{caption}\n\n# Lyric\n{lyrics}\n"
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    chat = theirs.apply_chat_template(messages, tokenize=False)
    whole = theirs(chat + think_block(METADATA) + "\n\n").input_ids
    pieces = prompts.codes_prompt(caption, lyrics, METADATA)
    assert [token for piece in pieces for token in encode(tokenizer, piece)] == whole


# --- the block --------------------------------------------------------------------------------------------------------


def test_a_block_is_written_as_training_wrote_it() -> None:
    long = "A warm piano and a soft voice, with strings that come in slowly and a bass that walks under them all night"
    assert think_block({"caption": long, "language": "no", "timesignature": "4/4", "duration": 30.0}) == (
        "<think>\ncaption: A warm piano and a soft voice, with strings that come in slowly and a bass\n"
        "  that walks under them all night\nduration: 30\nlanguage: 'no'\ntimesignature: 4\n</think>"
    )
    assert think_block({"caption": "jazz: slow"}) == "<think>\ncaption: 'jazz: slow'\n</think>"
    assert think_block({}) == "<think>\n\n</think>"
    assert think_block({"bpm": None, "caption": "", "keyscale": "F# minor"}) == "<think>\nkeyscale: F# minor\n</think>"


@settings(max_examples=200, deadline=None)
@given(caption=TEXTS.filter(lambda text: bool(text.strip())))
def test_a_block_is_yaml_whatever_the_caption(caption: str) -> None:
    lines = think_block(METADATA | {"caption": caption}).split("\n")
    assert (lines[0], lines[-1]) == ("<think>", "</think>")
    read = yaml.safe_load("\n".join(lines[1:-1]))
    assert str(read["caption"]) == (str(int(caption)) if caption.isascii() and caption.isdigit() else caption)
    assert list(read) == sorted(METADATA)
