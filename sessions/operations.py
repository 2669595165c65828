"""Takes near a take: what is rendered for a sibling and for a finish. What is made of a take is ``derived``."""

from __future__ import annotations

from engine.errors import EngineError
from engine.request import Request
from engine.seeds import RANDOM, draw_seed
from engine.tasks import TASKS
from sessions.presets import PRESETS
from sessions.take import Take

SIBLING = "sibling"
FINISH = "finish"


class NothingToDo(EngineError):
    """A take that an operation would only make once more."""


def sibling(parent: Take, variance: float, count: int) -> Request:
    """Takes near ``parent``: its codes with new noise; where it has none, its noise moved by ``variance``.

    Raises InvalidRequest where that is no share, or a batch of ``count`` too large, and NothingToDo for a crop.
    """
    request = _asked(parent)
    if request.audio_codes:
        return request.replace(batch_size=count, seed=RANDOM, seeds=(), use_random_seed=True)
    return request.replace(
        batch_size=count,
        seed=parent.seed,
        seeds=(parent.seed,) * count,
        use_random_seed=False,
        retake_variance=variance or request.retake_variance,
        retake_seed=tuple(draw_seed() for _ in range(count)),
    )


def finished(parent: Take) -> Request:
    """``parent`` as well as its model can: the same words, seed and codes, with the steps of the preset ``best``.

    What shapes the music (shift, guidance, method) stays as it was. Raises NothingToDo where nothing would differ.
    """
    before = _asked(parent)
    turbo = "turbo" in str(parent.identity.get("profile", ""))
    request = before.replace(**(PRESETS["best"].turbo if turbo else PRESETS["best"].guided))
    if request == before:
        raise NothingToDo(
            f"Take {parent.number} is as good as its model makes it.", "Ask for a sibling, or choose another model."
        )
    return request


def _asked(parent: Take) -> Request:
    """What ``parent`` was asked for; a length that its source gave it is not asked for again. Raises NothingToDo."""
    request = Request.from_dict(parent.request)
    task = TASKS[request.task_type]
    if task.cuts:
        raise NothingToDo(
            f"Nothing of take {parent.number} was made: it is cut out of another.", "Ask the same of that other take."
        )
    return request.replace(duration=None) if task.needs_source else request
