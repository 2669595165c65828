"""What the terminal knows of the studio: plain values, and how an event changes them. No connection, no toolkit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Any

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Connection(Enum):
    """How the studio is reached right now."""

    CONNECTING = "connecting"
    THERE = "there"
    LOST = "lost"


@dataclass(frozen=True)
class Progress:
    """What is being made: the ``stage`` with ``done`` of ``total`` (steps, tiles, tokens), and seconds left.

    ``since`` is when the stage began, by the terminal's own clock (``time.monotonic``).
    """

    stage: str
    done: int = 0
    total: int = 0
    take: int | None = None
    batch_eta: tuple[float, float] | None = None
    run_eta: tuple[float, float] | None = None
    since: float = 0.0
    more: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    """What else the event says."""


@dataclass(frozen=True)
class Loop:
    """AutoGen: on or off, and why it is as it is."""

    on: bool = False
    state: str = "idle"
    reason: str = ""
    made: int = 0
    since: float = 0.0
    more: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True)
class Fetch:
    """Models on their way to the studio's machine: ``state`` is fetching, done, stopped or failed; sizes in bytes.

    ``since`` is when this terminal first heard of it, by its own clock, and ``had`` what had arrived by then.
    """

    state: str
    model: str = ""
    done: int = 0
    total: int = 0
    trouble: str = ""
    since: float = 0.0
    had: int = 0

    def left(self, now: float) -> tuple[float, float] | None:
        """Between how many and how many seconds it will go on at the rate so far; None where that is not known."""
        seconds, came = now - self.since, self.done - self.had
        if seconds < FETCH_SECONDS or came <= 0:
            return None
        rest = (self.total - self.done) * seconds / came
        return 0.8 * rest, 1.25 * rest


FETCH_SECONDS = 2.0
"""How long a download has to go on before its rate means anything."""


@dataclass(frozen=True)
class StudioState:
    """Everything that is shown beside the takes themselves."""

    name: str
    connection: Connection = Connection.CONNECTING
    trouble: str = ""
    """Why the studio is not there, in a sentence."""

    session: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    """The last answer of ``GET /api/session``."""

    revision: int = 0
    settings: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    """The tables of the applied revision: recipe, loop, scores, models."""

    problem: Mapping[str, Any] | None = None
    """What is wrong with the file, if it cannot be applied as it is."""

    loop: Loop = field(default_factory=Loop)
    progress: Progress | None = None
    engine: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    machine: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    counts: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    fetch: Fetch | None = None

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The applied recipe: fields that are set."""
        table: Mapping[str, Any] = self.settings.get("recipe", NOTHING)
        return table

    @property
    def sketch(self) -> bool:
        """Whether the model is the small one that came with the program."""
        profile = self.engine.get("profile") or NOTHING
        return bool(profile.get("sketch"))


def attached(state: StudioState, session: Mapping[str, Any], now: float) -> StudioState:
    """The studio has answered with all it is."""
    revision = session["revision"]
    loop = session["loop"]
    progress = session.get("progress")
    return replace(
        state,
        name=session["name"],
        connection=Connection.THERE,
        trouble="",
        session=session,
        revision=revision["number"],
        settings=revision["settings"],
        problem=revision.get("problem"),
        loop=_loop(state.loop, loop, now, on=bool(loop["on"])),
        progress=_progress(None, progress, now) if progress else None,
        engine=_engine(state.engine, session["engine"]),
        machine=session.get("machine") or NOTHING,
        counts=session["takes"],
        fetch=_fetch(state.fetch, session.get("fetching"), now),
    )


def lost(state: StudioState, trouble: str) -> StudioState:
    """The studio does not answer; what is known stays on the screen."""
    return replace(state, connection=Connection.LOST, trouble=trouble, progress=None)


def happened(state: StudioState, event: Mapping[str, Any], now: float) -> StudioState:
    """The state after one event of the studio. What it does not know changes nothing."""
    match event["event"]:
        case "progress":
            return replace(state, progress=_progress(state.progress, event, now))
        case "loop":
            ends = event["state"] in ("idle", "stopped", "paused", "parked")
            on = event["state"] not in ("idle", "stopped")
            loop = _loop(state.loop, event, now, on=on)
            return replace(state, loop=loop, progress=None if ends else state.progress)
        case "machine":
            return replace(state, machine=MappingProxyType({**state.machine, **_said(event)}))
        case "engine":
            engine = _engine(state.engine, _said(event))
            loaded = engine.get("ready") and state.progress is not None and state.progress.stage == "load"
            return replace(state, engine=engine, progress=None if loaded else state.progress)
        case "models":
            return replace(state, fetch=_fetch(state.fetch, event, now))
        case "counts":
            return replace(state, counts=MappingProxyType(_said(event)))
        case "run":
            more = MappingProxyType({**state.loop.more, **_said(event)})
            return replace(state, loop=replace(state.loop, made=event["made"], more=more))
        case "take":
            loop = replace(state.loop, made=state.loop.made + 1)
            counts = {**state.counts, "total": state.counts.get("total", 0) + 1}
            progress = None if _was_last(state) else state.progress
            return replace(state, loop=loop, counts=MappingProxyType(counts), progress=progress)
        case "error" if not state.loop.on:
            return replace(state, progress=None)
        case "recipe":
            return replace(state, revision=event["revision"], problem=None)
        case "done":
            return replace(state, progress=None)
    return state


def _was_last(state: StudioState) -> bool:
    """Whether nothing is made any more once a take is there: what was asked for ends without a word."""
    if state.loop.on or state.progress is None:
        return False
    batch = state.progress.more.get("batch") or NOTHING
    return bool(batch.get("size", 1) - batch.get("made", 0) <= 1)


def _engine(before: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any]:
    """An engine that is started again, or sleeps, has no profile: what it last was is what it is taken for."""
    return MappingProxyType({**told, "profile": told.get("profile") or before.get("profile")})


def _loop(before: Loop, told: Mapping[str, Any], now: float, *, on: bool) -> Loop:
    since = before.since if (before.state, before.on) == (told["state"], on) else now
    made = told.get("made", before.made if on and before.on else 0)
    more = {**before.more, **{name: told[name] for name in told if name not in ("event", "id")}}
    return Loop(on, told["state"], told.get("reason") or "", made, since, MappingProxyType(more))


def _progress(before: Progress | None, told: Mapping[str, Any], now: float) -> Progress:
    if told["stage"] == "write" and before is not None and before.stage != "write" and before.done < before.total:
        return before  # takes are written beside the making of the next ones
    eta = told.get("eta") or NOTHING
    same = before is not None and before.stage == told["stage"]
    return Progress(
        stage=told["stage"],
        done=told.get("done") or 0,
        total=told.get("total") or 0,
        take=told.get("take"),
        batch_eta=_range(eta.get("batch")),
        run_eta=_range(eta.get("run")),
        since=before.since if same and before is not None else now,
        more=MappingProxyType(_said(told)),
    )


def _fetch(before: Fetch | None, told: Mapping[str, Any] | None, now: float) -> Fetch | None:
    if told is None:
        return None
    error = told.get("error") or NOTHING
    trouble = " ".join(filter(None, (error.get("error"), error.get("hint"))))
    done = told["done"]
    goes_on = before is not None and before.state == "fetching" and before.had <= done
    since, had = (before.since, before.had) if before is not None and goes_on else (now, done)
    return Fetch(told["state"], told.get("model") or "", done, told["total"], trouble, since, had)


def _range(told: Any) -> tuple[float, float] | None:
    return (float(told[0]), float(told[1])) if told else None


def _said(event: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in ("event", "id")}
