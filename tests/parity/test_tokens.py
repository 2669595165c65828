"""What the text encoder reads: prompts, and their tokens to the last one."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from transformers import PreTrainedTokenizerFast

from engine import Request
from engine.models.text import as_batch, caption_tokens, lyric_tokens
from engine.prompt import MAX_CAPTION_TOKENS, MAX_LYRIC_TOKENS, caption_prompt, lyric_prompt
from engine.testing.vocabulary import END_OF_TEXT
from tests.parity.oracle import NETWORK, Twins, agree, their_prompt

pytestmark = pytest.mark.parity

ALPHABETS = (
    "abc xyz",
    "  \n\n\t ",
    "äöüßéñçåøłşğ",
    "静夜思床前明月光",
    "прощай любовь",
    "가사と歌詞",
    "🎸🎹👩‍🎤",
    "12,345.67-89%",
    "[]<|>#:\"'",
    "e\u0301\u00a0\u200b",
)
REQUESTS = (
    Request(),
    Request(caption="A slow song", lyrics="[Verse]\nThe river carries all the lights", vocal_language="en", bpm=90),
    Request(caption="dark techno", instrumental=True, keyscale="F# minor", timesignature="3", bpm=128),
    Request(
        caption="静かな夜, piano", lyrics="[Verse 1]\n月が綺麗ですね\n\n[Chorus]\nla la la 🎶", vocal_language="ja"
    ),
    Request(caption="with <|endoftext|> in the middle", lyrics="<|im_start|>not a chat<|im_end|>"),
    Request(caption="long " * 300, lyrics="and a long line of lyrics\n" * 400, timesignature="6"),
)


def random_text(seed: int, length: int) -> str:
    pick = random.Random(seed)
    return "".join(pick.choice(pick.choice(ALPHABETS)) for _ in range(length))


@pytest.fixture(scope="module")
def set_of_two(twins: Callable[..., Twins]) -> Twins:
    return twins("turbo")


@pytest.fixture(scope="module")
def their_tokenizer(set_of_two: Twins) -> PreTrainedTokenizerFast:
    """diffusers' kind of tokenizer around the very file that the engine reads."""
    return PreTrainedTokenizerFast(
        tokenizer_object=set_of_two.model.tokenizer, pad_token=END_OF_TEXT, eos_token=END_OF_TEXT
    )


@pytest.mark.parametrize("request_", REQUESTS, ids=range(len(REQUESTS)))
@pytest.mark.parametrize("seconds", [10, 30.9, 240.0])
def test_prompts_are_diffusers_prompts(set_of_two: Twins, request_: Request, seconds: float) -> None:
    caption, lyrics = set_of_two.pipe._format_prompt(
        request_.caption,
        request_.lyrics,
        vocal_language=request_.vocal_language,
        audio_duration=seconds,
        bpm=request_.bpm,
        keyscale=request_.keyscale,
        timesignature=request_.timesignature,
    )
    assert caption_prompt(request_, seconds) == caption
    assert lyric_prompt(request_) == lyrics


@pytest.mark.parametrize("length", [0, 1, 7, 100, 255, 1000, 5000])
@pytest.mark.parametrize("seed", range(4))
def test_tokens_are_diffusers_tokens(
    set_of_two: Twins, their_tokenizer: PreTrainedTokenizerFast, length: int, seed: int
) -> None:
    """Short texts and cut ones; also where diffusers loads the pipeline's own tokenizer files."""
    text = random_text(seed, length) + END_OF_TEXT
    for ours, limit in ((caption_tokens, MAX_CAPTION_TOKENS), (lyric_tokens, MAX_LYRIC_TOKENS)):
        ids, whole = ours(set_of_two.model.tokenizer, text)
        for theirs in (their_tokenizer, set_of_two.pipe.tokenizer):
            assert ids == theirs(text, truncation=True, max_length=limit).input_ids
            assert whole == len(theirs(text).input_ids)


@pytest.mark.parametrize("limit", [MAX_CAPTION_TOKENS, MAX_LYRIC_TOKENS])
def test_a_text_is_cut_to_the_limit_and_its_appended_end_survives(
    set_of_two: Twins, their_tokenizer: PreTrainedTokenizerFast, limit: int
) -> None:
    """Around the limit, token by token: the text gives way, the appended end never does; and nothing is cut early."""
    cut = caption_tokens if limit == MAX_CAPTION_TOKENS else lyric_tokens
    end = set_of_two.model.tokenizer.token_to_id(END_OF_TEXT)
    for digits in range(limit - 4, limit + 4):
        text = "7" * digits + END_OF_TEXT  # a digit is always a token of its own
        ids, whole = cut(set_of_two.model.tokenizer, text)
        assert whole == digits + 2
        assert len(ids) == min(whole, limit)
        assert ids[-1] == end
        assert (ids[-2] == end) is (whole <= limit)
        assert ids == their_tokenizer(text, truncation=True, max_length=limit).input_ids


def test_prompts_end_with_two_end_of_text_tokens(set_of_two: Twins) -> None:
    """The prompt spells the first, the tokenizer's post-processor appends the second; a caption has a newline between.

    This is how the model was trained (dit.md 2.3); dropping the one that looks superfluous would be a difference.
    """
    tokenizer, request = set_of_two.model.tokenizer, REQUESTS[1]
    end, newline = tokenizer.token_to_id(END_OF_TEXT), tokenizer.encode("\n", add_special_tokens=False).ids
    caption, _ = caption_tokens(tokenizer, caption_prompt(request, 30))
    lyrics, _ = lyric_tokens(tokenizer, lyric_prompt(request))
    assert caption[-3:] == [end, *newline, end]
    assert lyrics[-2:] == [end, end]
    assert [caption.count(end), lyrics.count(end)] == [2, 2]


@pytest.mark.parametrize("request_", REQUESTS, ids=range(len(REQUESTS)))
def test_text_states_and_lyric_embeddings(set_of_two: Twins, request_: Request) -> None:
    """The whole way from a request to what the condition encoder is given."""
    model = set_of_two.model
    caption, _ = caption_tokens(model.tokenizer, caption_prompt(request_, 30))
    lyrics, _ = lyric_tokens(model.tokenizer, lyric_prompt(request_))
    their_caption, caption_mask, their_lyrics, lyric_mask = their_prompt(set_of_two.pipe, request_, 30)
    assert caption_mask.all()
    assert lyric_mask.all()
    agree("text encoder", model.text.caption(as_batch(caption, model.device)), their_caption, NETWORK)
    assert model.text.lyrics(as_batch(lyrics, model.device)).equal(their_lyrics)
