"""The tables of session.toml beside the recipe: how the loop runs, what scores count, which models render.

Each is a frozen dataclass whose fields are declared as a request's are (``engine.fields``), so that checks and messages
are the same everywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import readers
from engine.fields import spec
from engine.nano import NAME
from engine.quantisation import NAMES
from engine.values import DEVICE
from sessions import worker_names
from sessions.table import Table

MOST_THREADS = 1024

_WEIGHT: dict[str, Any] = {"group": "scores", "low": 0, "high": 1}


def _device(value: object) -> str:
    name = readers.text(value).strip().lower()
    if not DEVICE.fullmatch(name):
        raise ValueError
    return name


def _workers(value: object) -> str:
    return worker_names.normal(readers.text(value))


_MOST = 100_000
"""Takes, and gigabytes: more than any session has, and little enough to count with."""


@dataclass(frozen=True, kw_only=True)
class LoopSettings(Table):
    """The table [loop]: what is rendered next, and when the loop stops or waits. None is "no such limit"."""

    policy: str = spec(
        "mix",
        group="loop",
        choices=("explore", "siblings", "mix"),
        help="What comes next: new ideas, siblings of pinned takes, or both.",
    )
    retake_variance: float = spec(
        0.2, group="loop", low=0, high=1, help="How far a sibling moves from a take that has no audio codes."
    )
    takes: int | None = spec(None, group="loop", low=1, high=_MOST, unit="takes", help="Stops after so many takes.")
    minutes: float | None = spec(
        None, group="loop", low=0.01, high=1_000_000, unit="minutes", help="Stops after so long."
    )
    until_score: float | None = spec(None, group="loop", low=0, high=1, help="Stops once a take scores so well.")
    keep: int | None = spec(
        None,
        group="loop",
        low=1,
        high=_MOST,
        unit="takes",
        help="Keeps the best so many; the rest go to the trash at the end.",
    )
    unheard_ceiling: int = spec(
        50,
        group="loop",
        low=0,
        high=_MOST,
        unit="takes",
        help="Pauses while so many takes are unheard; 0 never pauses.",
    )
    headless: bool = spec(False, group="loop", help="Nobody listens meanwhile: unheard takes do not pause the loop.")
    quota_gb: float | None = spec(
        None,
        group="loop",
        low=0.01,
        high=_MOST,
        unit="GB",
        help="Beyond this, the lowest-ranked unmarked takes keep only their latents.",
    )
    free_space_floor_gb: float = spec(
        2.0, group="loop", low=0, high=_MOST, unit="GB", help="Pauses when the disk has less than this left."
    )
    failures_before_parking: int = spec(
        3, group="loop", low=1, high=100, unit="failures", help="Parks a recipe that fails so often in a row."
    )
    faulty_before_parking: int = spec(
        12,
        group="loop",
        low=0,
        high=_MOST,
        unit="takes",
        help="Parks a recipe that fails the gate so often in a row; 0 never does.",
    )

    @property
    def ceiling(self) -> int | None:
        """How many unheard takes pause the loop; None where none do."""
        return None if self.headless else self.unheard_ceiling or None


_OTHER = re.compile(r"([A-Za-z0-9_.-]{1,40})\s*=\s*(0|1|0?\.[0-9]{1,6}|1\.0{1,6})")


def _others(value: object) -> str:
    found = []
    for each in readers.text(value).split(","):
        if each.strip():
            match = _OTHER.fullmatch(each.strip())
            if match is None:
                raise ValueError
            found.append(f"{match[1]}={float(match[2]):g}")
    return ", ".join(found)


@dataclass(frozen=True, kw_only=True)
class ScoreSettings(Table):
    """The table [scores]: the weights of a take's score. None leaves the weight that fits the kind of take."""

    lyric_alignment: float | None = spec(None, help="Are the words sung, in their order?", **_WEIGHT)
    semantic: float | None = spec(None, help="Does it sound like the caption and the lyrics?", **_WEIGHT)
    tempo_key: float | None = spec(None, help="Are tempo and key as asked?", **_WEIGHT)
    signal: float | None = spec(None, help="Is the sound clean?", **_WEIGHT)
    taste: float | None = spec(None, help="Would you like it, by your verdicts? 0 leaves that out.", **_WEIGHT)
    others: str = spec(
        "",
        group="scores",
        help="Scorers of other packages with their weights, such as songeval=0.2.",
        wants="it must be names with weights from 0 to 1, such as 'songeval=0.2, other=0.1'",
        read=_others,
    )

    @property
    def weights_of_others(self) -> dict[str, float]:
        """The scorers of other packages that count."""
        return {
            name: float(weight) for name, _, weight in (each.partition("=") for each in self.others.split(", ")) if name
        }

    @property
    def own(self) -> dict[str, float | None]:
        """Every weight that a person may have set, by part."""
        usual = {name: getattr(self, name) for name in self.fields() if name != "others"}
        return {**usual, **self.weights_of_others}


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Table):
    """The table [models]: what renders, and on what. None leaves the choice to the engine."""

    models: str | None = spec(None, group="models", help="The folder with the models.", read=readers.text_or_none)
    dit: str | None = spec(
        None, group="models", help="The music model in it, such as acestep-v15-turbo.", read=readers.text_or_none
    )
    lm: str | None = spec(
        None, group="models", help="The planner in it; none for no planner.", read=readers.text_or_none
    )
    device: str = spec(
        "auto",
        group="models",
        help="What renders.",
        wants="it must be auto, cpu, mps, xpu, cuda or cuda:N",
        read=_device,
    )
    workers: str = spec(
        "",
        group="models",
        help="How many engines: auto is one a card; what is left out, one.",
        wants=worker_names.WANTS,
        read=_workers,
    )
    dtype: str | None = spec(
        None, group="models", choices=("float32", "bfloat16", "float16"), help="Precision of the arithmetic."
    )
    threads: int | None = spec(None, group="models", low=1, high=MOST_THREADS, unit="threads", help="CPU threads.")
    offload: bool | None = spec(
        None, group="models", help="Has text encoder, VAE and planner in memory only while they work."
    )
    offload_dit: bool | None = spec(
        None, group="models", help="Has the music model's layers on the card only while each works."
    )
    guidance_passes: int | None = spec(
        None, group="models", low=1, high=2, help="2 takes half the memory where there is guidance, and as long."
    )
    quantization: str | None = spec(None, group="models", choices=NAMES, help="The music model in one byte a number.")
    lm_draft: str | None = spec(
        None, group="models", help="A smaller planner that writes codes ahead of the planner, which checks them."
    )

    def load_options(self, session: Path) -> dict[str, Any]:
        """What the engine process is told to load; a relative folder of models is relative to the session's folder.

        ``nano`` is the model in the box, unless the session has a folder of that name.
        """
        folder = session / Path(self.models or "").expanduser()
        in_the_box = self.models == NAME and not folder.is_dir()
        models = None if self.models is None else NAME if in_the_box else str(folder)
        told = (name for name in self.fields() if name != "workers")
        return {name: getattr(self, name) for name in told} | {"models": models}
