"""Where sessions, and what the studio remembers between runs, are kept. Nothing is made here but what is remembered."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from engine.errors import EngineError, InvalidRequest
from engine.fields import shown
from engine.own_folder import data_folder
from sessions.errors import MissingSession

__all__ = [
    "SESSION_FILE",
    "check_name",
    "data_folder",
    "find_session",
    "is_session",
    "last",
    "list_sessions",
    "remember",
    "session_path",
    "sessions_folder",
    "state_folder",
]

SESSION_FILE = "session.toml"
"""A folder that holds it is a session."""

LONGEST_NAME = 100
"""Bytes of a session's name: file systems allow 255, and the studio's socket and exports are named after it too."""

_LAST = "last-session"


def state_folder(env: Mapping[str, str] | None = None) -> Path:
    """The user's folder for locks, sockets and what is remembered: ``ACETUI_STATE``, else the platform's place."""
    env = os.environ if env is None else env
    if env.get("ACETUI_STATE"):
        return Path(env["ACETUI_STATE"]).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "acetui" / "state"
    return Path(env.get("XDG_STATE_HOME") or Path.home() / ".local" / "state").expanduser() / "acetui"


def sessions_folder(env: Mapping[str, str] | None = None) -> Path:
    """Where sessions are that are called by name."""
    return data_folder(env) / "sessions"


def session_path(name_or_path: str, env: Mapping[str, str] | None = None) -> Path:
    """The folder that a person means: a path if it contains a slash or exists, else a name in ``sessions_folder``.

    The folder need not be there. A path to a session.toml means the folder it is in. Raises InvalidRequest for what
    no session can be called.
    """
    try:
        path = Path(name_or_path).expanduser()
        if "/" not in name_or_path and not (name_or_path and os.path.lexists(path)):
            check_name(name_or_path)
            path = sessions_folder(env) / name_or_path
        path = path.resolve()
        there = path.exists()
    except InvalidRequest:
        raise
    except (OSError, ValueError, RuntimeError) as cause:  # too long, a NUL, no such user, a loop of links
        reason = getattr(cause, "strerror", None) or "it is not a path"
        hint = "Give the path of a folder, or a name."
        raise InvalidRequest(f"{shown(name_or_path)} cannot be a session: {reason}.", hint) from None
    if path.name == SESSION_FILE and not path.is_dir():
        return path.parent
    if not there:
        check_name(path.name)
    elif not path.is_dir():
        raise InvalidRequest(f"{path} is a file, and a session is a folder.", "Name the folder, or choose another one.")
    return path


def find_session(name_or_path: str, env: Mapping[str, str] | None = None) -> Path:
    """The folder of a session that is there; raises MissingSession with the nearest name where it is not."""
    path = session_path(name_or_path, env)
    if is_session(path):
        return path
    near = get_close_matches(path.name, [session.name for session in list_sessions(env)], n=1)
    if near:
        raise MissingSession(f"There is no session {shown(name_or_path)}.", f"Did you mean '{near[0]}'?")
    hint = f"A session is a folder with a {SESSION_FILE}; 'acetui jam' with a name and a --caption makes one."
    raise MissingSession(f"There is no session {shown(name_or_path)}.", hint)


def is_session(folder: Path) -> bool:
    """Whether ``folder`` holds a session."""
    try:
        return (folder / SESSION_FILE).is_file()
    except (OSError, ValueError):
        return False


def list_sessions(env: Mapping[str, str] | None = None) -> list[Path]:
    """The sessions that can be called by name, in the order of their names."""
    try:
        return sorted(folder for folder in sessions_folder(env).iterdir() if is_session(folder))
    except OSError:
        return []


def check_name(name: str) -> None:
    """Raises InvalidRequest for a name that would be no folder, a hidden one, a flag, or one that cannot be shown."""
    if not name.strip():
        reason = "it is empty"
    elif "/" in name or "\\" in name:
        reason = "it holds a slash"
    elif name[0] in ".-":
        reason = f"it begins with '{name[0]}'"
    elif name != name.strip():
        reason = "it begins or ends with a space"
    elif not name.isprintable():
        reason = "it holds a character that cannot be shown"
    elif len(name.encode()) > LONGEST_NAME:
        reason = f"it is longer than {LONGEST_NAME} bytes"
    else:
        return
    raise InvalidRequest(f"A session cannot be called {shown(name)}: {reason}.", "Choose a name such as 'my-jam'.")


def remember(session: Path, env: Mapping[str, str] | None = None) -> None:
    """Makes ``session`` the one that opens next time. A convenience: where it cannot be written, nothing happens."""
    folder = state_folder(env)
    with contextlib.suppress(EngineError, OSError, ValueError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        from sessions.whole_files import write_whole

        write_whole(folder / _LAST, os.fsencode(session.resolve()), overwrite=True)


def last(env: Mapping[str, str] | None = None) -> Path | None:
    """The session that was opened last, if it is still there."""
    try:
        session = Path(os.fsdecode((state_folder(env) / _LAST).read_bytes()))
    except (OSError, ValueError):
        return None
    return session if session.is_absolute() and is_session(session) else None
