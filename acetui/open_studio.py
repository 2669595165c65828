"""``acetui [SESSION]``: a session's studio in this terminal. Attaches to the one that runs, or starts one."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from acetui.keyboard.keymap import load
from acetui.last_words import last_words
from acetui.own_files import config_folder
from engine.errors import EngineError, InvalidRequest
from sessions.places import is_session, last, list_sessions, remember, session_path

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from acetui.app import StudioApp
    from acetui.client import Client
    from acetui.hearing.elsewhere import Elsewhere

FIRST = "my-jam"
"""What a first session is called."""


def run(args: argparse.Namespace) -> int:
    """The studio, until it is left; what there is to say afterwards goes to standard error."""
    session, opens_with = _chosen(args.session)
    needs_a_terminal()
    while True:
        app = opened(args, session, partial(_connect, session), opens_with=opens_with)
        if app.next_session is None:
            break
        session, opens_with = app.next_session, ""
    if app.ends_studio:
        from acetui.verbs.studio import stop

        return asyncio.run(stop(session, as_json=False))
    return app.return_code or 0


def needs_a_terminal() -> None:
    """Raises EngineError where there is none."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise EngineError(
            "The studio needs a terminal.",
            "'acetui jam' and 'acetui studio' work without one; 'acetui --help' says how.",
        )


def opened(
    args: argparse.Namespace,
    session: Path,
    connect: Callable[[], Awaitable[Client]],
    *,
    opens_with: str = "",
    elsewhere: Elsewhere | None = None,
) -> StudioApp:
    """The app after it has run: on a session that is here, or ``elsewhere`` and has a path in name alone."""
    _set_knobs()
    gc.disable()  # until the first picture is there, next to nothing of what is made can be let go
    from acetui.app import StudioApp
    from acetui.looks.terminal_settings import read_settings

    keymap, problems = load(config_folder())
    found = read_settings({"theme": args.theme, "ascii": "on" if args.ascii else None})
    app = StudioApp(
        session,
        connect=connect,
        keymap=keymap,
        notices=problems,
        found=found,
        opens_with=opens_with,
        elsewhere=elsewhere,
    )
    with last_words(app.writing.keep_now):
        message = app.run(mouse=found.settings.mouse and not args.no_mouse)
    if message:
        print(message, file=sys.stderr)
    return app


def _chosen(named: str | None) -> tuple[Path, str]:
    """The session that is meant, made if it is not there, and what to open it with.

    It is the named one, else the last one, else one of a list; where there is none at all, a first one with a welcome.
    """
    latest, known = last(), list_sessions()
    nothing = latest is None and not known
    if named is not None:
        session = session_path(named)
        return session, "welcome" if nothing and not is_session(session) else ""
    if latest is not None:
        return latest, ""
    return (known[0], "sessions") if known else (session_path(FIRST), "welcome")


def refuse_mistyped_verb(word: str, verbs: list[str]) -> None:
    """Raises InvalidRequest for a word that is nearly a verb, unless there is a session of that name."""
    near = get_close_matches(word.lower(), verbs, n=1, cutoff=0.75)
    if near and not is_session(session_path(word)):
        raise InvalidRequest(
            f"There is no verb and no session '{word}'.",
            f"Did you mean 'acetui {near[0]}'? A session of that name is made with 'acetui ./{word}'.",
        )


async def _connect(session: Path) -> Client:
    """A connection to the session's studio. The session is made if it is not there; nothing of this is on the way of
    the first picture.
    """
    client = await asyncio.to_thread(import_module, "acetui.client")
    await asyncio.to_thread(make_session, session)
    attached: Client = await client.attach(session)
    attached.patience = client.WATCHING_SECONDS
    return attached


def make_session(session: Path) -> None:
    """Makes a session that is not there, and remembers it as the last."""
    if not is_session(session):
        from sessions.new_session import create
        from sessions.settings import Settings

        create(session, Settings.from_dict({}))
    remember(session)


def _set_knobs() -> None:
    """What Textual takes from the environment, unless a person has set it: a quiet line is a fast one."""
    for name, value in {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"}.items():
        os.environ.setdefault(name, value)
    # Whoever exports the size of one terminal would have this one stay so whatever becomes of its window.
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
