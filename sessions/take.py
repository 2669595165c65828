"""A take: what came out of a render, with everything that made it and everything a person thinks of it.

A take is one JSON file beside its audio. The file is the truth; the index and every list are made from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from engine.file_names import slug
from sessions.take_json import TAKE_FORMAT, BrokenTake, NewerTake, check, read_fields, write_fields

__all__ = ["LATENTS_ONLY", "MISSING", "TAKE_FORMAT", "WHOLE", "BrokenTake", "NewerTake", "Take", "stem"]

WHOLE = "whole"
LATENTS_ONLY = "latents only"
"""The audio was dropped to save space, or is gone; it can be decoded again in seconds."""
MISSING = "missing audio"
"""Neither audio nor latents are there; the take can be rendered again."""

_VERDICTS: dict[str, dict[str, bool]] = {
    "pinned": {"pinned": True, "rejected": False},
    "liked": {"liked": True, "rejected": False},
    "rejected": {"rejected": True, "liked": False, "pinned": False},
    "heard": {"heard": True, "rejected": False, "liked": False, "pinned": False},
    "unheard": {"heard": False, "rejected": False, "liked": False, "pinned": False},
}
"""Each verdict, the strongest first, with the marks that giving it sets and takes away."""


@dataclass(frozen=True, kw_only=True)
class Take:
    """One take. Raises BrokenTake for a value that no take can have.

    ``number`` counts the takes of a session from 1 and is never used again; ``id`` is the take's own for ever.
    """

    id: str
    number: int
    name: str
    seed: int
    duration: float
    """Seconds."""

    request: Mapping[str, Any]
    """The request with everything resolved, as ``Request.to_dict`` gives it: enough to render the take again."""

    files: Mapping[str, str]
    """Kind (``audio``, ``latents``) to name: where the file belongs, relative to the session's folder."""

    created: str = ""
    """When, in UTC (ISO 8601), for people: a clock can be wrong, so nothing is ever ordered by it but lists."""

    score: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    """What its score is made of: measures from 0 to 1 by name, see ``engine.scoring.ranking``."""

    measured: Mapping[str, Any] = field(default_factory=dict)
    """What was heard in it, in its own units: tempo, key, true peak, how much of it comes again, its fingerprint."""

    faults: tuple[str, ...] = ()
    heard: bool = False
    pinned: bool = False
    liked: bool = False
    rejected: bool = False
    rating: int | None = None
    """0 to 5."""

    note: str = ""
    tags: tuple[str, ...] = ()
    parent: str | None = None
    """The ``id`` of the take that this one was made from."""

    operation: str = "render"
    revision: int | None = None
    plan: Mapping[str, Any] | None = None
    codes: str | None = None
    """A hash of the audio codes that the latents file holds; None if there are none."""

    gain: float | None = None
    loudness: float | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    batch: str | None = None
    layout: Mapping[str, int] = field(default_factory=dict)
    """``index`` and ``size``: the take's place in its batch."""

    trashed: bool = False
    stored: str = WHOLE
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What somebody else wrote into the JSON; it is kept as it is."""

    def __post_init__(self) -> None:
        check(self)

    @classmethod
    def from_json(cls, content: bytes | str) -> Self:
        """The take that a file holds, brought to today's form if it is of an older one.

        Raises BrokenTake for what is not a take, and NewerTake for one that a newer version wrote.
        """
        return cls(**read_fields(content, _NAMES))

    @classmethod
    def trusted(cls, **fields: Any) -> Self:
        """A take of every field, which were checked before: the index makes hundreds of takes at once."""
        take = object.__new__(cls)
        take.__dict__.update(fields, faults=tuple(fields["faults"]), tags=tuple(fields["tags"]))
        return take

    @classmethod
    def from_render(cls, rendered: Mapping[str, Any], folder: str | Path, **session: Any) -> Self:
        """The take from the engine's take object, whose files lie in the session's ``folder``.

        ``session`` is what only a session knows, by field name: number, revision, parent, operation, batch, layout...
        Raises BrokenTake where they do not make a take.
        """
        root = Path(folder).absolute()
        try:
            files = {kind: Path(path).relative_to(root).as_posix() for kind, path in rendered["files"].items()}
        except ValueError:
            raise BrokenTake(f"A file of the take is not in {root}") from None
        given = {name: value for name, value in rendered.items() if name in _NAMES and name not in session}
        given |= {"files": files, "faults": tuple(rendered.get("faults") or ()), **session}
        return cls(**given)

    def to_json(self) -> bytes:
        """The content of the take's file; ``from_json`` gives the same take back."""
        return write_fields({f.name: getattr(self, f.name) for f in dataclasses.fields(self)})

    def object(self) -> dict[str, Any]:
        """The take as the command line and the API print it: files that are there, where they are now."""
        shown: dict[str, Any] = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "extra"}
        shown["verdict"] = self.verdict
        present = [kind for kind in self.files if self.stored == WHOLE or (kind != "audio" and self.stored != MISSING)]
        shown["files"] = {kind: self.place(kind) for kind in present}
        for name in ("faults", "tags"):
            shown[name] = list(shown[name])
        return {**self.extra, **shown}

    def replace(self, **changes: Any) -> Self:
        """This take with other values; raises BrokenTake as the constructor does."""
        return dataclasses.replace(self, **changes)

    @property
    def verdict(self) -> str:
        """The strongest thing that was said of it: pinned, liked, rejected, heard or unheard."""
        return next((name for name in ("pinned", "liked", "rejected", "heard") if getattr(self, name)), "unheard")

    def judged(self, verdict: str) -> Self:
        """This take with a verdict given; raises BrokenTake for a word that is none."""
        if verdict not in _VERDICTS:
            raise BrokenTake(f"'{verdict}' is no verdict; there are {', '.join(_VERDICTS)}")
        return self.replace(**_VERDICTS[verdict])

    @property
    def marked(self) -> bool:
        """Whether a person has said anything good or lasting of it: it is then never removed by the program."""
        return self.pinned or self.liked or self.rating is not None or bool(self.note or self.tags)

    @property
    def json_name(self) -> str:
        """Where its JSON belongs, relative to the session's folder."""
        return self.files["audio"].rpartition(".")[0] + ".json"

    def place(self, kind: str) -> str:
        """Where a file of it is now, relative to the session's folder: in the trash, or where it belongs."""
        name = self.json_name if kind == "json" else self.files[kind]
        return f"trash/{name}" if self.trashed else name


_NAMES = frozenset(f.name for f in dataclasses.fields(Take))


def stem(number: int, name: str, seed: int) -> str:
    """What the files of a take are called: "0047-neon-drive-8123"."""
    return f"{number:04d}-{slug(name)}-{seed}"
