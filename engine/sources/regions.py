"""Where a source lies in what is made of it, and which part is made anew: arithmetic alone (facts: dit.md 10, 16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import InvalidRequest
from engine.values import SHORTEST_SECONDS

if TYPE_CHECKING:
    from engine.request import Request

TRAINED_REGION = (3.0, 90.0)
"""Seconds of a region that the published guide recommends; others work, and a person is told."""

JOINT_SECONDS = 2.0
"""How much of either part is made anew where two are joined and no region is given."""

SHORTEST_FADE = 0.005
"""Seconds that a seam fades over, also where the mode has none: a hard cut may click."""

_CONSERVATIVE = (1.0, 25, 0.05)
_AGGRESSIVE = (0.0, 0, 0.0)


@dataclass(frozen=True)
class Grid:
    """Samples and latent frames of one VAE."""

    rate: int
    hop: int

    def samples(self, seconds: float) -> int:
        """The sample at a moment."""
        return round(seconds * self.rate)

    def frames(self, samples: int) -> int:
        """Whole frames that hold so many samples."""
        return -(-samples // self.hop)


@dataclass(frozen=True)
class Canvas:
    """The result laid out: frames before the source, the source, and what comes behind it."""

    grid: Grid
    lead: int
    """Frames before the source."""

    source: int
    """Samples of the source."""

    samples: int
    """Samples of the result."""

    region: tuple[int, int]
    """Frames ``[start, stop)`` that are made anew."""

    window: tuple[int, int]
    """The same in samples, as exactly as it was asked for."""

    @property
    def frames(self) -> int:
        """Latent frames of the result."""
        return self.grid.frames(self.samples)

    @property
    def span(self) -> tuple[int, int]:
        """The samples ``[start, stop)`` of the result where the source lies."""
        first = self.lead * self.grid.hop
        return first, first + self.source

    @property
    def whole(self) -> bool:
        """Whether all of it is made anew."""
        return self.region == (0, self.frames)

    @property
    def seconds(self) -> float:
        """How long the result is."""
        return self.samples / self.grid.rate

    @property
    def region_seconds(self) -> float:
        """How long the region is."""
        return (self.window[1] - self.window[0]) / self.grid.rate


def whole_canvas(source: int, grid: Grid) -> Canvas:
    """A result as long as its source, of which everything is made anew."""
    return Canvas(grid, 0, source, source, (0, grid.frames(source)), (0, source))


def canvas_of(request: Request, source: int, grid: Grid, joint: tuple[int, int] | None = None) -> Canvas:
    """The canvas of a repaint or a lego of ``source`` samples, with the region that the request names.

    A start below 0 adds that much in front, in whole frames; an end behind the source adds there. A start below 0
    without an end makes nothing but what is in front. ``joint`` is where two parts meet, in samples: the region lies
    around it where none is given. Raises InvalidRequest for a region that lies behind the source.
    """
    start, end = _given(request, grid, joint)
    if start > source:
        raise InvalidRequest(
            f"repainting_start, {start / grid.rate:g} seconds, lies behind the end of the source, "
            f"{source / grid.rate:g} seconds.",
            "Start at its end or before, to go on from there.",
            field="repainting_start",
        )
    lead = grid.frames(max(0, -start))
    tail = 0 if end is None else max(0, end - source)
    front = lead * grid.hop
    samples = front + source + tail
    first = front + start if start >= 0 else 0
    if end is None:
        last = front if start < 0 else samples
    else:
        last = front + end
    region = _framed(first, last, samples, grid)
    return Canvas(grid, lead, source, samples, region, _sampled(first, last, samples, region, grid))


def _given(request: Request, grid: Grid, joint: tuple[int, int] | None) -> tuple[int, int | None]:
    """Start and end of the region in samples of the source; no end means as far as it goes."""
    start, end = request.repainting_start, request.repainting_end
    if joint is not None and start == 0 and end < 0:
        around = grid.samples(JOINT_SECONDS)
        return max(0, joint[0] - around), joint[1] + around
    return grid.samples(start), grid.samples(end) if end >= 0 else None


def _framed(first: int, last: int, samples: int, grid: Grid) -> tuple[int, int]:
    """The frames of a region, one at least; one that reaches the end has all of the last frame."""
    frames = grid.frames(samples)
    start = min(first // grid.hop, frames - 1)
    stop = frames if last >= samples else last // grid.hop
    return start, max(start + 1, min(stop, frames))


def _sampled(first: int, last: int, samples: int, region: tuple[int, int], grid: Grid) -> tuple[int, int]:
    """The samples of a region: none that were not asked for, unless that leaves less than a frame."""
    start, stop = region[0] * grid.hop, min(region[1] * grid.hop, samples)
    exact = max(start, first), min(stop, last)
    return exact if exact[1] > exact[0] else (start, stop)


def crop_of(request: Request, source: int, grid: Grid) -> tuple[int, int]:
    """The samples ``[start, stop)`` of a crop of ``source`` samples, which begins with a whole frame.

    Raises InvalidRequest for one of less than a second.
    """
    start = grid.samples(request.crop_start) // grid.hop * grid.hop
    stop = source if request.crop_end < 0 else min(source, grid.samples(request.crop_end))
    if stop - start < grid.samples(SHORTEST_SECONDS):
        raise InvalidRequest(
            f"From {start / grid.rate:g} to {stop / grid.rate:g} there is less than a second.",
            f"The source is {source / grid.rate:g} seconds long: leave more of it.",
            field="crop_end" if start < source else "crop_start",
        )
    return start, stop


@dataclass(frozen=True)
class Blend:
    """How closely a repaint holds on to what is around its region (facts: dit.md 16)."""

    held: float
    """For which share of the steps the surroundings are put back where they were."""

    frames: int
    """Latent frames around the region over which what was made fades into the source."""

    seconds: float
    """How long the seams fade in the sound."""

    @classmethod
    def of(cls, request: Request) -> Blend:
        """The blend of a request's mode and strength; what it says itself goes before."""
        loose = 1 - request.repaint_strength
        modes = {
            "conservative": _CONSERVATIVE,
            "aggressive": _AGGRESSIVE,
            "balanced": (loose, round(_CONSERVATIVE[1] * loose), _CONSERVATIVE[2] * loose),
        }
        held, frames, seconds = modes[request.repaint_mode]
        own_frames, own_seconds = request.repaint_latent_crossfade_frames, request.repaint_wav_crossfade_sec
        return cls(
            held,
            frames if own_frames is None else own_frames,
            max(SHORTEST_FADE, seconds) if own_seconds is None else own_seconds,
        )


def ramp(length: int) -> list[float]:
    """``length`` even steps upwards between 0 and 1, without either."""
    return [(step + 1) / (length + 1) for step in range(length)]


def weights(frames: int, region: tuple[int, int], fade: int) -> list[float]:
    """How much of every frame is new: all of it in the region, less and less over ``fade`` frames beside it."""
    start, stop = region
    rising = ramp(fade)
    before = min(fade, start)
    after = min(fade, frames - stop)
    return [
        *[0.0] * (start - before),
        *rising[fade - before :],
        *[1.0] * (stop - start),
        *rising[::-1][:after],
        *[0.0] * (frames - stop - after),
    ]


@dataclass(frozen=True)
class Seams:
    """The samples ``[start, stop)`` of a result that are not the source's alone, and how long either end fades."""

    start: int
    stop: int
    fade_in: int
    fade_out: int

    @classmethod
    def of(cls, canvas: Canvas, seconds: float) -> Seams:
        """The seams of a canvas. They fade inside the window, so that nothing outside it changes.

        Where the source ends at the window, as where it is made longer, there is nothing inside to fade from: there
        they fade over the last of the source.
        """
        (first, last), (begins, ends) = canvas.window, canvas.span
        fade = min(canvas.grid.samples(seconds), max(1, (last - first) // 2), canvas.source)
        start = max(begins, min(first, ends - fade)) if first > 0 else 0
        stop = min(ends, max(last, begins + fade)) if last < canvas.samples else canvas.samples
        return cls(start, stop, fade if first > 0 else 0, fade if last < canvas.samples else 0)
