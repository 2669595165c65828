"""Prompts, to the letter."""

from engine.prompt import caption_prompt, lyric_prompt
from engine.request import Request


def test_a_caption_prompt_with_everything() -> None:
    request = Request(caption="warm jazz", bpm=92, keyscale="Am", timesignature="3/4")
    assert caption_prompt(request, 47.9) == (
        "# Instruction\nFill the audio semantic mask based on the given conditions:\n\n"
        "# Caption\nwarm jazz\n\n"
        "# Metas\n- bpm: 92\n- timesignature: 3\n- keyscale: A minor\n- duration: 47 seconds\n<|endoftext|>\n"
    )


def test_a_caption_prompt_with_nothing() -> None:
    assert caption_prompt(Request(), None).endswith(
        "# Caption\n\n\n# Metas\n- bpm: N/A\n- timesignature: N/A\n- keyscale: N/A\n"
        "- duration: 30 seconds\n<|endoftext|>\n"
    )


def test_an_instruction_gets_its_colon() -> None:
    request = Request(instruction="Make it loud")
    assert caption_prompt(request, 10).startswith("# Instruction\nMake it loud:\n\n")
    assert caption_prompt(request, 10, instruction="Hush:").startswith("# Instruction\nHush:\n\n")


def test_a_caption_that_is_a_prompt_is_unwrapped() -> None:
    once = caption_prompt(Request(caption="warm jazz", bpm=90), 30)
    assert caption_prompt(Request(caption=once, bpm=90), 30) == once


def test_headings_alone_do_not_make_a_prompt() -> None:
    assert "# Caption\n# Caption of a kind\n" in caption_prompt(Request(caption="# Caption of a kind"), 30)


def test_lyric_prompts() -> None:
    request = Request(lyrics="[Verse]\nla la", vocal_language="en")
    assert lyric_prompt(request) == "# Languages\nen\n\n# Lyric\n[Verse]\nla la<|endoftext|>"
    assert lyric_prompt(Request(instrumental=True)) == "# Languages\nunknown\n\n# Lyric\n[Instrumental]<|endoftext|>"
