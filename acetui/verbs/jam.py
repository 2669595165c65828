"""``acetui jam``: the loop of a session in the foreground, without the terminal studio."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from acetui.verbs.flags import recipe_from_flags
from acetui.verbs.jam_report import HumanJam, JamReport, JsonJam
from acetui.verbs.own_audio import bring, by_content
from acetui.verbs.parsing import MODEL_FLAGS
from acetui.verbs.report import sketch_notice
from engine import Cancelled, InvalidRequest
from engine.fields import shown
from engine.tasks import check_rendered, check_task
from sessions.at_work import Equipment
from sessions.jam import Jam
from sessions.new_session import check_new, create
from sessions.places import is_session, remember, session_path, state_folder
from sessions.settings import NO_LIMIT, LoopSettings, Settings

LOOP_FLAGS = ("takes", "minutes", "until_score", "keep", "policy")

PARKED_SECONDS = 600.0
"""How long a parked recipe waits for an edit where there is no terminal at which somebody could read of it."""

LARGEST_LOG = 5 * 2**20


def run(args: argparse.Namespace) -> int:
    """The verb: 0 after a run that ended as asked, the failure's exit code where nothing could be made."""
    folder = session_path(args.session)
    loop = {name: value for name, value in _loop_flags(args).items() if value is not None}
    models = {name: getattr(args, name) for name in MODEL_FLAGS}
    if models["models"] is not None and Path(models["models"]).expanduser().is_dir():
        models["models"] = str(Path(models["models"]).expanduser().resolve())
    recipe, files = by_content(recipe_from_flags(args), folder)
    if not is_session(folder):
        check_new(folder)
        tables = {"recipe": recipe, "models": {name: value for name, value in models.items() if value is not None}}
        settings = Settings.from_dict(tables)
        _check(settings)
        _check_words(settings, args.session)
        create(folder, settings)
        recipe = {}
    elif "seeds" in recipe:
        recipe["seed"] = None
    bring(files, folder)
    remember(folder)
    report: JamReport = JsonJam() if args.json else HumanJam()
    with _log(folder, debug=args.debug) as log:
        equipment = Equipment(models=models, log=log, workers=args.workers or "")
        return asyncio.run(_jam(folder, recipe, equipment, loop, report))


def _loop_flags(args: argparse.Namespace) -> dict[str, Any]:
    """The loop's settings on the command line; raises InvalidRequest naming the field."""
    fields = LoopSettings.fields()
    given = {name: getattr(args, name) for name in LOOP_FLAGS}
    read: dict[str, Any] = {}
    for name, text in given.items():
        try:
            read[name] = None if text is None else fields[name].clean(fields[name].parse(text))
        except InvalidRequest as error:
            hint = NO_LIMIT if fields[name].optional else error.hint
            raise InvalidRequest(error.error, hint, field=error.field) from None
    return read


def _check(settings: Settings) -> None:
    """Refuses what this version does not render before anything is started."""
    request = settings.recipe.draw(random.Random(0))
    check_rendered(request)
    check_task(request)


def _check_words(settings: Settings, session: str) -> None:
    """Refuses a new session of which nobody has said what it is to sound like."""
    if settings.recipe.says_nothing:
        raise InvalidRequest(
            f"There is no session {shown(session)} yet, and nothing says how a new one should sound.",
            f"Begin it with 'acetui jam {shlex.quote(session)} --caption \"warm jazz trio, brushed drums\"'.",
            field="caption",
        )


async def _jam(
    folder: Path,
    recipe: Mapping[str, Any],
    equipment: Equipment,
    loop: Mapping[str, Any],
    report: JamReport,
) -> int:
    async with Jam.open(folder, recipe=recipe, equipment=equipment) as jam:
        _check(jam.revisions.current.settings)
        if (problem := jam.revisions.problem) is not None:
            jam.events.publish("error", **problem.to_dict())
        stop = Stop(jam)
        follower = asyncio.create_task(_show(jam, report, stop))
        with stop.on_signals():
            summary = await jam.run(headless=True, **loop)
        jam.events.close()
        await follower
        run = jam.loop.last_run
        if stop.at_once:
            raise Cancelled(hint=f"{summary.made} finished takes are kept.")
        failed = run is not None and run.error is not None and (stop.parked or not run.made)
        return run.error.exit_code if failed and run and run.error else 0


async def _show(jam: Jam, report: JamReport, stop: Stop) -> None:
    """Shows every event; a reader that has gone away ends the run after this take, because nobody is there."""
    sketch = ""
    try:
        async for event in jam.events.follow(0):
            if not sketch and jam.engine.loaded and (sketch := sketch_notice(jam.engine.loaded.profile)):
                report.show({"event": "notice", "text": sketch}, jam.loop)
            report.show(event.object(), jam.loop)
            if event.event == "loop":
                stop.loop_is(str(event.data["state"]))
    except OSError:
        jam.loop.stop("take", "nobody reads what it says")
    finally:
        with contextlib.suppress(OSError):
            report.close()


class Stop:
    """What ends a run from outside: signals, and a recipe that stays parked.

    Ctrl-C stops after this batch, twice at once; SIGTERM and a terminal that goes away stop after this take.
    """

    def __init__(self, jam: Jam) -> None:
        self._jam = jam
        self._presses = 0
        self._timer: asyncio.TimerHandle | None = None
        self.at_once = False
        self.parked = False
        """Whether the recipe is, or was when the run ended, parked."""

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Handles the signals inside the block."""
        loop = asyncio.get_running_loop()
        handlers = {signal.SIGINT: self._pressed, signal.SIGTERM: self._told, signal.SIGHUP: self._told}
        if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # nohup
            del handlers[signal.SIGHUP]
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)

    def loop_is(self, state: str) -> None:
        """The loop is in a new state: one that stays parked ends, at once where nothing was ever made."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if state in ("loading", "rendering"):
            self.parked = False
        run = self._jam.loop.run
        if state != "parked" or run is None:
            return
        self.parked = True
        if not run.made:
            self._jam.loop.stop("now", self._jam.loop.reason)
        elif not sys.stderr.isatty():
            loop, reason = asyncio.get_running_loop(), self._jam.loop.reason
            self._timer = loop.call_later(PARKED_SECONDS, self._jam.loop.stop, "now", reason)

    def _pressed(self) -> None:
        self._presses += 1
        if self._presses == 1:
            self._jam.events.publish("notice", text="Stopping after this batch; Ctrl-C again stops at once.")
            self._jam.loop.stop("batch", "Ctrl-C")
        else:
            self.at_once = True
            self._jam.loop.stop("now", "Ctrl-C")
            if self._presses > 2:
                self._jam.engine.kill()

    def _told(self) -> None:
        self._jam.events.publish("notice", text="Stopping after this take.")
        self._jam.loop.stop("take", "it was told to end")


@contextlib.contextmanager
def _log(folder: Path, *, debug: bool) -> Iterator[BinaryIO | None]:
    """Where the engine's log goes: the terminal, or a file in the state folder, begun anew when it has grown."""
    if debug:
        yield sys.stderr.buffer
        return
    path = state_folder() / "logs" / f"{folder.name}.log"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        large = path.exists() and path.stat().st_size > LARGEST_LOG
        file = open(path, "wb" if large else "ab")  # noqa: SIM115  (closed below)
    except OSError:
        yield None  # a log is no reason not to make music
        return
    with file:
        yield file
