"""The status line: what the studio does, on what, since when and until when, in as many cells as there are.

A pure function of the state. What must be seen stays however narrow it gets: that takes are sketches, and trouble.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acetui.how_long import gigabytes, lasting, left, size, within
from acetui.looks.fitted_line import ALWAYS, Group, Line, Piece, fitted
from acetui.looks.signs import Looks
from acetui.progress import STAGES
from acetui.studio_state import Connection, Progress, StudioState

_UNITS = {"sampling": "step", "decode": "tile", "planner": "token", "load": "part", "conditions": "part"}
_BAR_CELLS = (10, 5)


def status(state: StudioState, now: float, width: int, looks: Looks) -> Line:
    """The line for ``state`` at ``now``, by the clock of its ``since``, in ``width`` cells."""
    return fitted([group for group in groups(state, now, looks) if group.forms], width)


def groups(state: StudioState, now: float, looks: Looks) -> list[Group]:
    """All there is to say, in the order of the line."""
    reached = state.connection is Connection.THERE
    told = [_session(state), _revision(state), _sketch(state, looks)]
    if not reached:
        return [*told, _connection(state, looks)]
    trouble = _trouble(state, looks)
    told += [trouble] if trouble.forms else [_loop(state, looks), _engines(state)]
    if state.progress is not None and not trouble.forms:
        told += [_activity(state.progress), _bar(state.progress, looks), _times(state.progress, now)]
    return [*told, _fetching(state, now), _made(state), _card(state, looks)]


def _session(state: StudioState) -> Group:
    return Group(((60, (Piece(state.name, "name"),)),), left=True)


def _revision(state: StudioState) -> Group:
    if not state.revision:
        return Group(())
    number = str(state.revision)
    if state.problem:
        wrong = f"rev {number}, session.toml cannot be read"
        return Group(tuple((weight, (Piece(text, "trouble"),)) for weight, text in ((48, wrong), (70, f"r{number} !"))))
    return Group(((20, (Piece(f"rev {number}", "revision"),)), (50, (Piece(f"r{number}", "revision"),))), left=True)


def _sketch(state: StudioState, looks: Looks) -> Group:
    """That the model in the box is no more than that stays on the screen whatever else goes."""
    if not state.sketch:
        return Group(())
    sign = looks.glyphs.sketch
    return Group(((ALWAYS, (Piece(f"{sign} sketch model", "sketch"),)), (ALWAYS, (Piece("sketch", "sketch"),))))


def _connection(state: StudioState, looks: Looks) -> Group:
    if state.connection is Connection.CONNECTING:
        return _texts("waiting", (80, "connecting to the studio"), (90, "connecting"))
    sign = looks.glyphs.trouble
    return _texts(
        "trouble",
        (40, f"{sign} {state.trouble} It is being looked for; what is typed is kept."),
        (80, f"{sign} connection lost, coming back"),
        (90, f"{sign} connection lost"),
        (ALWAYS, f"{sign} lost"),
    )


def _trouble(state: StudioState, looks: Looks) -> Group:
    """Why nothing can be made just now, where that is not the loop's own decision."""
    sign, engine = looks.glyphs.trouble, state.engine
    if holder := engine.get("waiting_for"):
        return _texts(
            "waiting", (40, f"waiting for the card: {holder} has it"), (80, "waiting for the card"), (ALWAYS, "waiting")
        )
    if failure := engine.get("failure"):
        error = failure.get("error", "") if isinstance(failure, Mapping) else str(failure)
        return _texts(
            "trouble", (40, f"{sign} {error}"), (80, f"{sign} the engine has failed"), (ALWAYS, f"{sign} engine")
        )
    if engine.get("restarting"):
        return _texts(
            "trouble",
            (40, f"{sign} the engine has died and is started again"),
            (80, f"{sign} engine restarting"),
            (ALWAYS, f"{sign} engine"),
        )
    return Group(())


def _loop(state: StudioState, looks: Looks) -> Group:
    loop, glyphs = state.loop, looks.glyphs
    if loop.state in ("paused", "parked"):
        kind, sign = ("waiting", glyphs.loop_waits) if loop.state == "paused" else ("trouble", glyphs.trouble)
        return _texts(
            kind,
            (40, f"{sign} {loop.state}: {loop.reason}" if loop.reason else f"{sign} {loop.state}"),
            (75, f"{sign} {loop.state}: {short_reason(loop.reason)}"),
            (85, f"{sign} {loop.state}"),
            (ALWAYS, sign),
        )
    if loop.state == "stopping":
        return _texts(
            "waiting", (40, f"{glyphs.loop_waits} ending: {loop.reason}"), (85, f"{glyphs.loop_waits} ending")
        )
    if not loop.on:
        return _texts("loop-off", (45, f"{glyphs.loop_off} loop off"), (80, glyphs.loop_off))
    policy = str((state.settings.get("loop") or {}).get("policy") or "mix")
    words = f"{glyphs.loop_on} loop {policy}"
    return _texts("loop-on", (45, words), (80, glyphs.loop_on))


def _engines(state: StudioState) -> Group:
    """How many engines are at it, where there are several; those that are not are in the log and the status."""
    engines: Sequence[Mapping[str, Any]] = state.engine.get("engines") or ()
    if len(engines) < 2:
        return Group(())
    ready = sum(engine.get("state") == "ready" for engine in engines)
    if ready == len(engines):
        return _texts("loop-on", (18, f"{ready} engines"))
    return _texts("waiting", (34, f"{ready} of {len(engines)} engines"), (58, f"{ready}/{len(engines)}"))


def short_reason(reason: str) -> str:
    """Why the loop waits, in a word or two."""
    for sign, words in (
        ("unheard, and", "unheard takes"),
        ("disk", "disk full"),
        ("quota", "quota full"),
        ("failures", "failures"),
        ("failed", "failure"),
    ):
        if sign in reason:
            return words
    return "see the log"


def _activity(progress: Progress) -> Group:
    words = STAGES.get(progress.stage, progress.stage)
    unit = _UNITS.get(progress.stage, "")
    batch = progress.more.get("batch") or {}
    take = " what was asked for" if batch.get("asked") else f" batch {batch['number']}" if batch.get("number") else ""
    take += "" if progress.take is None else f" take {progress.take + 1}"
    if progress.total <= 1:
        count = f"{unit} {progress.done}" if unit and progress.done and not progress.total else ""
        return _texts("activity", (35, f"{words}{take} {count}".strip()), (70, words))
    count = f"{unit} {progress.done}/{progress.total}".strip()
    return _texts(
        "activity",
        (30, f"{words}{take}, {count}"),
        (55, f"{words} {progress.done}/{progress.total}"),
        (70, count),
        (72, f"{progress.done}/{progress.total}"),
    )


def _bar(progress: Progress, looks: Looks) -> Group:
    if progress.total <= 1:
        return Group(())
    share = progress.done / progress.total
    edge = "|" if looks.ascii else "▕▏"
    return Group(
        tuple(
            (weight, (Piece(edge[0], "rule"), Piece(looks.bar(share, cells), "bar"), Piece(edge[-1], "rule")))
            for weight, cells in zip((28, 52), _BAR_CELLS, strict=True)
        )
    )


def _times(progress: Progress, now: float) -> Group:
    """Since when, and until when: a range, never one number."""
    elapsed = max(0.0, now - progress.since)
    since = f"for {lasting(elapsed)}" if elapsed >= 2 else ""
    batch, run = progress.batch_eta, progress.run_eta
    if batch is None:
        return _texts("since", (25, since))
    until = within(batch)
    whole = f", all in {within(run)}" if run is not None else ""
    return _texts(
        "until",
        (22, f"{since}, {until} left{whole}" if since else ""),
        (33, f"{until} left{whole}"),
        (42, f"{until} left"),
        (65, until),
    )


def _fetching(state: StudioState, now: float) -> Group:
    """How far models are that are on their way here."""
    fetch = state.fetch
    if fetch is None or fetch.state != "fetching":
        return Group(())
    share = f"models {100 * fetch.done // max(fetch.total, 1)}%"
    until = fetch.left(now)
    long = f"{share} of {size(fetch.total)}{f', {left(until)}' if until else ''}"
    return _texts("activity", (27, long), (36, share))


def _made(state: StudioState) -> Group:
    rate = state.loop.more.get("takes_per_hour")
    made = f"{state.loop.made} made" if state.loop.on and state.loop.made else ""
    speed = f"{rate:.0f}/h" if isinstance(rate, int | float) and rate > 0 else ""
    texts = [text for text in (", ".join(filter(None, (made, speed))), speed or made) if text]
    return _texts("made", *zip((15, 26), dict.fromkeys(texts), strict=False))


def _card(state: StudioState, looks: Looks) -> Group:
    """The card: its name, memory, temperature and tier."""
    machine = state.machine
    name = short_card(str(machine.get("name") or ""))
    memory = gigabytes(_number(machine, "used_gb"), _number(machine, "total_gb"))
    warm = _number(machine, "temperature")
    at_work = state.loop.on or state.progress is not None  # a card that cools down would keep the line busy
    heat = f"{warm:.0f}{looks.glyphs.degree.strip()}C" if warm is not None and at_work else ""
    tier = tier_words(machine)
    texts = [" ".join(filter(None, parts)) for parts in ((name, memory, heat, tier), (name, memory), (memory,))]
    return _texts("card", *zip((10, 24, 38), [text for text in dict.fromkeys(texts) if text], strict=False))


def tier_words(machine: Mapping[str, Any]) -> str:
    """The tier of a card in words; a machine without one is in none."""
    name = str(machine.get("tier") or "")
    if not name or (machine.get("device") == "cpu" and not machine.get("simulated")):
        return ""
    return f"tier {name.removeprefix('tier')}"


def short_card(name: str) -> str:
    """A card as people call it: ``NVIDIA GeForce RTX 4090`` is ``RTX 4090``."""
    words = [word for word in name.split() if word.lower() not in ("nvidia", "amd", "geforce", "radeon", "graphics")]
    return " ".join(words) or name


def _number(machine: Mapping[str, Any], name: str) -> float | None:
    value = machine.get(name)
    return float(value) if isinstance(value, int | float) else None


def _texts(kind: str, *forms: tuple[int, str]) -> Group:
    return Group(tuple((weight, (Piece(text, kind),)) for weight, text in forms if text))
