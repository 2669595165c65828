"""What the planner reads, exactly as it was trained: a chat of system and user, and the beginning of its own turn.

Facts: lm.md 1 and 3. A prompt is a tuple of pieces. What many plans share comes first, and is run through the model
once; the pieces are also the units in which it is computed, so that a prompt gives the same numbers whether or not its
first piece was known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.planner.reasoning import think_block
from engine.values import INSTRUMENTAL

GENERATE = "Generate audio semantic tokens based on the given conditions:"
SAMPLE = "Expand the user's input into a more detailed and specific musical description:"
FORMAT = "Format the user's input into a more detailed and specific musical description:"
UNDERSTAND = "Understand the given musical conditions and describe the audio semantics accordingly:"

NO_INPUT = "NO USER INPUT"
"""What stands where a person said nothing."""

Pieces = tuple[str, ...]


def chat(instruction: str, user: str) -> str:
    """System and user, and the assistant's turn left open."""
    return (
        f"<|im_start|>system\n# Instruction\n{instruction}\n\n<|im_end|>\n"
        f"<|im_start|>user\n{user}<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def plan_prompt(caption: str, lyrics: str) -> Pieces:
    """What the metadata is written after."""
    return (chat(GENERATE, _words(caption, lyrics) + "\n"),)


def codes_prompt(caption: str, lyrics: str, metadata: Mapping[str, Any]) -> Pieces:
    """What the audio codes are written after: the plan's prompt with its answer, and the turn still open."""
    return (*plan_prompt(caption, lyrics), f"{think_block(metadata)}\n\n")


def unguided_prompt(caption: str, lyrics: str, negative: str, *, legacy: bool) -> Pieces:
    """What guidance leads away from: nothing, or what a person does not want. ``legacy`` is how older versions did."""
    user = negative if _is_meant(negative) else NO_INPUT
    if legacy:
        user = _words(negative if _is_meant(negative) else caption, lyrics) + "\n"
    return (chat(GENERATE, user), f"{think_block({})}\n\n")


def sample_prompt(query: str, *, instrumental: bool) -> Pieces:
    """A sentence that is to become a whole song description."""
    return (chat(SAMPLE, f"{query or NO_INPUT}\n\ninstrumental: {str(instrumental).lower()}"),)


def format_prompt(caption: str, lyrics: str) -> Pieces:
    """Caption and lyrics that are to be polished."""
    return (chat(FORMAT, _words(caption or NO_INPUT, lyrics or INSTRUMENTAL)),)


def understand_prompt(codes: str) -> Pieces:
    """Codes, written as their tokens, that are to be put into words; none make the planner invent a song."""
    return (chat(UNDERSTAND, codes or NO_INPUT),)


def code_string(codes: tuple[int, ...]) -> str:
    """Codes as the tokens that stand for them."""
    return "".join(f"<|audio_code_{code}|>" for code in codes)


def _words(caption: str, lyrics: str) -> str:
    return f"# Caption\n{caption}\n\n# Lyric\n{lyrics}"


def _is_meant(negative: str) -> bool:
    """Whether a negative prompt says something."""
    return bool(negative.strip()) and negative.strip() != NO_INPUT
