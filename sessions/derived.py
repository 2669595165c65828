"""What is asked of the engine to make a take from a take: repaint, cover, extend, stitch, join, stems, crop.

A child has its parent's words, metadata, sampling, references and adapters; what a person gives by the published
names goes before them. Its seeds are new. docs/tasks.md says it for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from engine.errors import InvalidRequest
from engine.profiles import cover_task
from engine.request import FIELDS, Request
from engine.resolve import settled
from engine.sources.regions import Grid, canvas_of, crop_of
from engine.tasks import check_rendered, check_task, rendered_seconds
from engine.values import MOST_CODES
from sessions.take import Take
from sessions.take_names import name_of

GRID = Grid(48_000, 1920)
"""Samples and frames of a take."""

STEMS = ("extract", "lego", "complete")
"""Operations that are tasks of the same name, which base models alone can do."""

EXTENDED_SECONDS = 30.0
OVERLAP_SECONDS = 1.0
STITCH_SECONDS = 2.0

_WORDS = ("words", "metadata", "output")
_SHAPE = ("sampling", "guidance")
_SOUND = ("reference_audio", "more_reference_audio", "adapters")
_OWN = ("duration", "global_caption")

_REGION = (
    "repainting_start",
    "repainting_end",
    "repaint_mode",
    "repaint_strength",
    "repaint_latent_crossfade_frames",
    "repaint_wav_crossfade_sec",
)
_BLEND = _REGION[2:]
_COVER = ("audio_cover_strength", "cover_noise_strength")
_SEEDS = ("seed", "seeds", "plan_seed")
_ANY = (
    *(name for name, field in FIELDS.items() if field.group in (*_WORDS, *_SHAPE) and name not in _OWN),
    *_SOUND,
    *_SEEDS,
    "instruction",
)

FIELDS_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "repaint": (*_REGION, *_ANY),
        "cover": ("task_type", *_COVER, *_ANY),
        "extend": (*_BLEND, *_ANY),
        "stitch": (*_BLEND, *_ANY),
        "join": ("audio_cover_strength", *_ANY),
        "extract": ("track", *_ANY),
        "lego": ("track", *_REGION[:2], *_ANY),
        "complete": ("tracks", *_ANY),
        "crop": ("crop_start", "crop_end", "fade_in", "fade_out"),
    }
)
"""The fields that can be given to each operation, by their published names."""

OPERATIONS = tuple(FIELDS_OF)

Given = Mapping[str, Any]


def repaint(parent: Take, given: Given, takes: int, model: Given) -> Request:
    """A part of ``parent`` anew. Raises InvalidRequest, also where it is not said which part."""
    if "repainting_start" not in given and "repainting_end" not in given:
        raise InvalidRequest(
            "It is not said which part is to be made anew.",
            "Give repainting_start and repainting_end, in seconds.",
            field="repainting_start",
        )
    return _checked(parent, _child(parent, "repaint", given, takes, model), model)


def cover(parent: Take, given: Given, takes: int, model: Given) -> Request:
    """``parent`` in another style; ``task_type`` may be cover-nofsq, which follows it more closely.

    Where it is not given, it is what suits the model.
    """
    task = given.get("task_type") or cover_task(str(model.get("name") or parent.identity.get("profile", "")))
    if task not in ("cover", "cover-nofsq"):
        raise InvalidRequest(
            f"task_type cannot be {str(task)[:40]!r} for a cover.", "Use cover or cover-nofsq.", field="task_type"
        )
    others = {name: value for name, value in given.items() if name != "task_type"}
    return _checked(parent, _child(parent, task, others, takes, model), model)


def stem(parent: Take, task: str, given: Given, takes: int, model: Given) -> Request:
    """One of ``STEMS`` of ``parent``."""
    return _checked(parent, _child(parent, task, given, takes, model), model)


def extend(
    parent: Take,
    given: Given,
    takes: int,
    model: Given,
    *,
    seconds: float = EXTENDED_SECONDS,
    side: str = "after",
    overlap: float = OVERLAP_SECONDS,
) -> Request:
    """``parent`` longer by ``seconds``; at that side, ``overlap`` of it are made anew so that it goes on from there."""
    overlap = min(overlap, parent.duration / 2)
    if side == "before":
        region = {"repainting_start": -seconds, "repainting_end": overlap or -1.0}
    else:
        region = {"repainting_start": parent.duration - overlap, "repainting_end": parent.duration + seconds}
    return _checked(parent, _child(parent, "repaint", {**given, **region}, takes, model), model)


def stitch(
    parent: Take,
    following: Take,
    given: Given,
    takes: int,
    model: Given,
    *,
    gap: float = 0.0,
    overlap: float = STITCH_SECONDS,
) -> Request:
    """``following`` behind ``parent``, with ``gap`` seconds between; those and ``overlap`` of either are made anew."""
    own = {"next_audio": name_of(following), "next_gap": gap}
    joint = GRID.samples(parent.duration) // GRID.hop * GRID.hop / GRID.rate
    between = GRID.frames(GRID.samples(gap)) * GRID.hop / GRID.rate
    start, stop = max(0.0, joint - overlap), joint + between + overlap
    if overlap == 0 and between == 0:
        raise InvalidRequest(
            "With neither a gap nor an overlap there is nothing to make.", "Give one of them.", field="overlap"
        )
    region = {"repainting_start": start, "repainting_end": stop}
    request = _child(parent, "repaint", {**given, **region, **own}, takes, model)
    _refuse_unrendered(request, model)
    rendered_seconds(request, joint + between + following.duration)
    return request


def join(parents: Sequence[Take], given: Given, takes: int, model: Given) -> Request:
    """Music that follows the codes of several takes, one behind the other."""
    codes: list[int] = []
    for take in parents:
        found = take.request.get("audio_codes") or []
        if not found:
            raise InvalidRequest(
                f"Take {take.number} has no audio codes: it was made without a planner.",
                "Stitch takes without codes, or choose others.",
                field="with",
            )
        codes += found
    if len(codes) > MOST_CODES:
        raise InvalidRequest(
            f"Together they have {len(codes)} codes, and {MOST_CODES} are the most.", "Choose fewer.", field="with"
        )
    request = _child(parents[0], "text2music", given, takes, model).replace(src_audio=None, audio_codes=codes)
    _refuse_unrendered(request, model)
    return request


def crop(parent: Take, given: Given, model: Given) -> Request:
    """A part of ``parent`` as it is, or all of it faded. Raises InvalidRequest where nothing would be different."""
    if not any(given.values()):
        raise InvalidRequest(
            "It is not said what is to be cut or faded.",
            "Give crop_start, crop_end, fade_in or fade_out, in seconds.",
            field="crop_start",
        )
    request = _child(parent, "crop", given, 1, model)
    if request.crop_end > parent.duration:
        raise InvalidRequest(
            f"crop_end is {request.crop_end:g} s, and take {parent.number} is {parent.duration:g} s long.",
            "Give an end within it, or leave it out for the end of the take.",
            field="crop_end",
        )
    start, stop = crop_of(request, GRID.samples(parent.duration), GRID)
    if stop - start == GRID.samples(parent.duration) and not (request.fade_in or request.fade_out):
        raise InvalidRequest("That is the whole take as it is.", "Cut or fade some of it.", field="crop_start")
    return request


def _child(parent: Take, task: str, given: Given, takes: int, model: Given) -> Request:
    """A request for ``takes`` of a task on ``parent``."""
    before = settled(Request.from_dict(parent.request))
    groups = (*_WORDS, *_SHAPE) if model.get("name") in (None, parent.identity.get("profile")) else _WORDS
    kept = {
        name: getattr(before, name)
        for name, field in FIELDS.items()
        if (field.group in groups and name not in _OWN) or name in _SOUND
    }
    if given.get("lyrics") and "instrumental" not in given:
        kept["instrumental"] = False
    seeded = "seed" in given or "seeds" in given
    return Request(
        **{
            **kept,
            "task_type": task,
            "src_audio": name_of(parent),
            "batch_size": takes,
            "use_random_seed": None if seeded else True,
            **given,
        }
    )


def _checked(parent: Take, request: Request, model: Given) -> Request:
    """The request, if it can be rendered of its parent. Raises InvalidRequest."""
    _refuse_unrendered(request, model)
    rendered_seconds(request, parent.duration)
    canvas_of(request, GRID.samples(parent.duration), GRID)
    return request


def _refuse_unrendered(request: Request, model: Given) -> None:
    check_rendered(request)
    check_task(request, str(model.get("name") or "such"), tuple(model.get("tasks") or ()) or None)
