"""Caption and lyric prompts, exactly as the text encoder was trained (facts: dit.md 2.1, 2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import tasks

if TYPE_CHECKING:
    from engine.request import Request

MAX_CAPTION_TOKENS = 256
MAX_LYRIC_TOKENS = 2048
DEFAULT_SECONDS = 30
"""What the prompt says where no duration is known."""

_END = "<|endoftext|>"
_INSTRUCTION = "# Instruction"
_CAPTION = "# Caption"
_METAS = "# Metas"


def caption_prompt(request: Request, duration: float | None, *, instruction: str | None = None) -> str:
    """The prompt of caption and metadata, cut to MAX_CAPTION_TOKENS by the tokenizer's user.

    ``duration`` in seconds is the rendered length: that of the source where there is one. ``instruction`` replaces the
    task's, as the cover switch needs it (facts: dit.md 15).
    """
    order = instruction or tasks.instruction(request)
    order = order if order.endswith(":") else f"{order}:"
    caption = unwrapped(request.caption)
    return f"{_INSTRUCTION}\n{order}\n\n{_CAPTION}\n{caption}\n\n{_METAS}\n{_metas(request, duration)}{_END}\n"


def lyric_prompt(request: Request) -> str:
    """The prompt of language and lyrics, cut to MAX_LYRIC_TOKENS by the tokenizer's user."""
    return f"{lyric_header(request)}{request.lyrics}{_END}"


def lyric_header(request: Request) -> str:
    """What stands before the lyrics in their prompt."""
    return f"# Languages\n{request.vocal_language}\n\n# Lyric\n"


def unwrapped(caption: str) -> str:
    """The caption inside a caption that is already a whole prompt; any other caption as it is."""
    if _INSTRUCTION not in caption or _CAPTION not in caption:
        return caption
    return caption.split(_CAPTION, 1)[1].split(_METAS, 1)[0].strip()


def _metas(request: Request, duration: float | None) -> str:
    seconds = int(duration) if duration else DEFAULT_SECONDS
    return (
        f"- bpm: {request.bpm or 'N/A'}\n"
        f"- timesignature: {request.timesignature or 'N/A'}\n"
        f"- keyscale: {request.keyscale or 'N/A'}\n"
        f"- duration: {seconds} seconds\n"
    )
