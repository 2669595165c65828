"""The tasks: instruction texts, what each needs, which models can, how long the result is (facts: dit.md 2.5, 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from engine.errors import InvalidRequest
from engine.values import CODES_A_SECOND, SHORTEST_SECONDS, TRACKS, TRAINED_SECONDS

if TYPE_CHECKING:
    from engine.profiles import Profile
    from engine.request import Request

MODELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "turbo": (
            "acestep-v15-turbo",
            "acestep-v15-turbo-shift1",
            "acestep-v15-turbo-shift3",
            "acestep-v15-turbo-continuous",
            "acestep-v15-xl-turbo",
        ),
        "sft": ("acestep-v15-sft", "acestep-v15-xl-sft"),
        "base": ("acestep-v15-base", "acestep-v15-xl-base"),
    }
)
"""Family to the official models of it."""

TEXT2MUSIC = "Fill the audio semantic mask based on the given conditions:"
FROM_CODES = "Generate audio semantic tokens based on the given conditions:"


@dataclass(frozen=True)
class Task:
    """One thing that a model can do. ``most_tracks`` above zero means that at least one must be named."""

    name: str
    instruction: str
    instruction_with_tracks: str = ""
    families: tuple[str, ...] = ("turbo", "sft", "base")
    needs_source: bool = True
    takes_codes: bool = False
    needs_caption: bool = True
    most_tracks: int = 0
    cuts: bool = False
    """Whether nothing is made at all: a part of the source as it is."""

    covers: bool = False
    """Whether it follows its source for a share of the steps, and may then leave it."""

    planner: Literal["codes", "metadata", "none"] = "none"
    """What the planner may add: codes would replace the source, so only text2music has them."""

    @property
    def models(self) -> tuple[str, ...]:
        """The official models that can do it."""
        return tuple(model for family in self.families for model in MODELS[family])


_ALL = (
    Task("text2music", TEXT2MUSIC, needs_source=False, takes_codes=True, needs_caption=False, planner="codes"),
    Task("cover", FROM_CODES, takes_codes=True, covers=True),
    Task("cover-nofsq", FROM_CODES, needs_caption=False, covers=True),
    Task("repaint", "Repaint the mask area based on the given conditions:"),
    Task(
        "extract",
        "Extract the track from the audio:",
        "Extract the {tracks} track from the audio:",
        families=("base",),
        needs_caption=False,
        most_tracks=1,
    ),
    Task(
        "lego",
        "Generate the track based on the audio context:",
        "Generate the {tracks} track based on the audio context:",
        families=("base",),
        most_tracks=1,
        planner="metadata",
    ),
    Task(
        "complete",
        "Complete the input track:",
        "Complete the input track with {tracks}:",
        families=("base",),
        most_tracks=len(TRACKS),
        planner="metadata",
    ),
    Task("crop", "", needs_caption=False, cuts=True),
)
TASKS: Mapping[str, Task] = MappingProxyType({task.name: task for task in _ALL})
"""Every task by its published name."""

FLOW_EDIT_TASKS = ("text2music", "cover", "cover-nofsq")


def tasks_of(family: str) -> tuple[str, ...]:
    """The names of the tasks that models of a family can do."""
    return tuple(task.name for task in _ALL if family in task.families)


def tracks_of(request: Request) -> tuple[str, ...]:
    """The tracks that a request names, in either of the two fields."""
    return tuple(dict.fromkeys(((request.track,) if request.track else ()) + request.tracks))


def instruction(request: Request) -> str:
    """The instruction that the text encoder reads: the person's own, or the task's with its tracks filled in."""
    # The published default is text2music's sentence for every task: it means "the one that fits", not "this one".
    if request.instruction and request.instruction != TEXT2MUSIC:
        return request.instruction
    if request.audio_codes and TASKS[request.task_type].takes_codes:
        return FROM_CODES
    task = TASKS[request.task_type]
    tracks = " | ".join(name.upper() for name in tracks_of(request))
    return task.instruction_with_tracks.format(tracks=tracks) if tracks and task.most_tracks else task.instruction


def rendered_seconds(request: Request, source_seconds: float | None = None) -> float | None:
    """How long the result is, in seconds: as long as its codes, else its source, else what was asked; None is open.

    A repaint or lego region that reaches beyond the source makes it longer. Raises InvalidRequest above 600 s.
    """
    task = TASKS[request.task_type]
    if request.audio_codes and task.takes_codes:
        return len(request.audio_codes) / CODES_A_SECOND
    if not task.needs_source or source_seconds is None:
        return request.duration
    added = _outpainted(request, source_seconds) if task.name in ("repaint", "lego") else 0.0
    if source_seconds + added > TRAINED_SECONDS[1]:
        raise InvalidRequest(
            f"The result would be {source_seconds + added:.1f} seconds long, and {TRAINED_SECONDS[1]:g} is the most.",
            "Use a shorter source or a smaller region.",
            field="repainting_end" if added else "src_audio",
        )
    return source_seconds + added


def _outpainted(request: Request, source_seconds: float) -> float:
    return max(0.0, -request.repainting_start) + max(0.0, request.repainting_end - source_seconds)


def check(request: Request, profile: Profile) -> None:
    """Raises InvalidRequest unless this model can do the task and the request has all that the task needs."""
    check_task(request, profile.name, profile.tasks)
    if request.flow_edit_morph:
        _check_flow_edit(request, profile)


def check_task(request: Request, model: str = "such", can: tuple[str, ...] | None = None) -> None:
    """The same, of a model of which only its name and what it ``can`` do are known; None where even that is not."""
    task = TASKS[request.task_type]
    if can is not None and task.name not in can:
        raise InvalidRequest(
            f"task_type cannot be '{task.name}' with a {model} model: it does {_either(can, 'and')}.",
            f"Use {_either(task.models)}.",
            field="task_type",
        )
    _check_source(request, task)
    if request.next_audio and task.name != "repaint":
        raise InvalidRequest(
            f"next_audio cannot be used with {task.name}.",
            "Join by a repaint, then go on from there.",
            field="next_audio",
        )
    _check_tracks(request, task)
    if task.needs_caption and not request.caption.strip():
        raise InvalidRequest(
            f"caption cannot be empty for {task.name}.", "Describe how the result should sound.", field="caption"
        )


def check_rendered(request: Request) -> None:
    """Raises InvalidRequest for what a request may hold and nothing can be made of: fewer codes than a second has."""
    count = len(request.audio_codes)
    if 0 < count < SHORTEST_SECONDS * CODES_A_SECOND:
        raise InvalidRequest(
            f"audio_codes cannot hold {count} codes: a second of music has {CODES_A_SECOND}.",
            "Give more of them, or leave them out.",
            field="audio_codes",
        )


def _check_source(request: Request, task: Task) -> None:
    if not task.needs_source or request.src_audio or (task.takes_codes and request.audio_codes):
        return
    other = " or audio_codes" if task.takes_codes else ""
    raise InvalidRequest(
        f"src_audio{other} cannot be left out: {task.name} works on existing audio.",
        "Give the audio to start from.",
        field="src_audio",
    )


def _check_tracks(request: Request, task: Task) -> None:
    count = len(tracks_of(request))
    if not task.most_tracks or 1 <= count <= task.most_tracks:
        return
    number = "exactly one track" if task.most_tracks == 1 else f"1 to {task.most_tracks} tracks"
    field = "track" if task.most_tracks == 1 else "tracks"
    raise InvalidRequest(
        f"{field} must name {number} for {task.name}, and {count or 'none'} {'is' if count < 2 else 'are'} named.",
        f"Choose from {', '.join(TRACKS)}.",
        field=field,
    )


def _check_flow_edit(request: Request, profile: Profile) -> None:
    if request.task_type not in FLOW_EDIT_TASKS:
        raise InvalidRequest(
            f"flow_edit_morph cannot be used with {request.task_type}.",
            f"Use it with {_either(FLOW_EDIT_TASKS)}.",
            field="flow_edit_morph",
        )
    if profile.turbo and not profile.xl:
        models = (*MODELS["sft"], *MODELS["base"], "acestep-v15-xl-turbo")
        raise InvalidRequest(
            f"flow_edit_morph cannot be used with a {profile.name} model.",
            f"Use {_either(models)}.",
            field="flow_edit_morph",
        )
    if not request.src_audio:
        raise InvalidRequest(
            "src_audio cannot be left out: flow_edit_morph changes existing audio.",
            "Give the audio to start from.",
            field="src_audio",
        )


def _either(names: tuple[str, ...], word: str = "or") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"
