"""What the project has promised, in one place."""

from __future__ import annotations

from benchmarks.rows import Target


def _times(limit: float) -> Target:
    return Target("ratio", limit, f"{limit:g}x", at_least=True)


def _under(limit: float, text: str) -> Target:
    return Target("ours", limit, text, at_least=False)


SAMPLING = {240.0: _times(1.5), 600.0: _times(1.7)}
"""Eight steps of the small model in bfloat16 on CPU, by seconds of audio."""

WIDE = {240.0: _times(1.3), 600.0: _times(1.5)}
"""A step of two layers of real width in bfloat16 on CPU."""

VAE_DECODE = _times(1.6)
VAE_MEMORY = Target("share", 0.6, "<= 60 %", at_least=False)
CHEAPER = Target("ratio", 1.0, "> 1x", at_least=True)
NOT_AGAIN = _under(0, "0")
NO_TORCH = _under(0, "0")
LOAD_MEMORY = _under(1.3, "< 1.3")

REPAINT = _under(1.2, "<= 1.2 x")
"""All of a warm repaint of ten seconds in a long take, over its sampling alone."""

PLANNER_ALONE = _times(1.5)
PLANNER_BATCH = _times(1.9)
PLANNER_PREFILL = _under(1.3, "<= 1.3")
"""Decode of guided codes at batch 1 and 8, and the prefill of batch 8 over that of batch 1: the prompt is shared."""

STORE_OPEN = _under(0.3, "< 0.3 s")
STORE_PAGE = Target("slowest", 0.020, "< 20 ms", at_least=False)

OVERLAP = Target("share", 1.05, "<= 1.05", at_least=False)
"""The wall time of a run of the loop over the sum of its stages alone."""

ALIGNING = _under(0.150, "< 150 ms")
"""A song of ten minutes with a thousand tokens of lyrics, on one core."""

GPU_SECONDS = 86.8
"""The length of audio for which others have published figures."""

GPU_DIT = _under(0.060, "<= 60 ms")
GPU_SHARE = Target("ours", 55, ">= 55 %", at_least=True)
GPU_VAE = _under(0.100, "<= 100 ms")

GPU_PLANNER_SHARE = Target("ours", 70, ">= 70 %", at_least=True)
GPU_PLANNER_SONGS = _under(3.0, "<= 3 s")
"""Of what the card's memory allows at batch 1; eight songs of 240 s with the planner of 1.7B, on an H200."""

FIRST_PICTURE = Target("share", 1.5, "<= 1.5 x", at_least=False)
KEYS = Target("slowest", 0.050, "< 50 ms", at_least=False)
IDLE_CPU = _under(1.0, "< 1 %")
NOTHING = _under(0, "0")
BYTES = {
    "a character in the caption, its tokens counted": _under(300, "<= 300"),
    "row down": _under(750, "<= 750"),
    "to the caption": _under(1000, "<= 1,000"),
    "back to the list": _under(1300, "<= 1,300"),
    "page down": _under(2000, "<= 2,000"),
    "open the palette": _under(3000, "<= 3,000"),
    "shut the palette": _under(3000, "<= 3,000"),
    "ask for a filter": _under(2500, "<= 2,500"),
    "answer nothing": _under(2500, "<= 2,500"),
    "the metadata": _under(1800, "<= 1,800"),
    "a field further down": _under(600, "<= 600"),
    "every key": _under(4500, "<= 4,500"),
    "back from every key": _under(5500, "<= 5,500"),
}
"""Bytes at 80x24. The toolkit's own widgets would write 2,700, 1,200, 24,000, 24,000, 7,900 and 52,000."""
