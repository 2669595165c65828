"""Finding the studio on the other machine: which acetui is there, and what it says of a session's studio."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

from acetui.remote.ssh import Ssh
from engine import __version__
from engine.errors import EngineError

FIND_SECONDS = 120.0
"""A login shell may be slow, and a session without its index is looked through before its studio answers."""

_MISSING = "ACETUI-MISSING"
_ENDED = "ACETUI-ENDED"

_SCRIPT = """\
acetui={command}
look() {{ "$@" </dev/null 2>/dev/null | tail -n 1; }}
if [ -z "$acetui" ]; then
  for way in plain login interactive own; do
    case $way in
      plain) found=$(command -v acetui) ;;
      login) found=$(look "${{SHELL:-sh}}" -lc 'command -v acetui') ;;
      interactive) found=$(look "${{SHELL:-sh}}" -ic 'command -v acetui') ;;
      own) found=$HOME/.local/bin/acetui ;;
    esac
    [ -f "$found" ] && [ -x "$found" ] && acetui=$found && break
  done
fi
if [ -z "$acetui" ]; then echo {missing}; exit 0; fi
{call} {arguments} </dev/null
echo "{ended} $? $({call} --version 2>/dev/null </dev/null | tail -n 1)"
"""
"""For any POSIX shell. What is not found without a login shell may be found with one: environments live there."""


class NoAcetui(EngineError):
    """No acetui on the other machine, or one that does not speak with this one."""

    exit_code = 3


@dataclass(frozen=True)
class Door:
    """Where the studio of a session is on its own machine, and what opens it."""

    session: str
    """The session's folder there."""

    name: str
    socket: str
    token: str
    port: int | None = None
    """The port of its loopback address, where that was asked for."""


def find(ssh: Ssh, session: str | None, command: str | None, *, port: bool = False) -> Door:
    """The door of a session's studio, which is started if none runs. Raises NoLine, NoAcetui and what it says there.

    ``command`` is how acetui is called there, in the words of its shell; without it, it is looked for.
    """
    words = ["door", "--json", *(["--port"] if port else []), *([session] if session is not None else [])]
    _, printed = ssh.run(script(words, command), FIND_SECONDS)
    return _door(ssh.host, printed)


def script(words: list[str], command: str | None) -> str:
    """What is run there."""
    return _SCRIPT.format(
        command="given" if command else "",
        call=command or '"$acetui"',
        arguments=shlex.join(words),
        missing=_MISSING,
        ended=_ENDED,
    )


def _door(host: str, printed: str) -> Door:
    lines = printed.splitlines()
    if _MISSING in lines:
        raise NoAcetui(
            f"There is no acetui on {host}.",
            "Install it there, or say how it is called: --remote-command '~/acetui/.venv/bin/acetui'.",
        )
    said = next((found for line in reversed(lines) if (found := _object(line)) is not None), None)
    if said is None:
        version = next((line.split()[-1] for line in lines if line.startswith(_ENDED) and len(line.split()) > 2), "")
        raise (
            _other(host, version)
            if version
            else NoAcetui(f"acetui on {host} does not start.", f"Try 'ssh {host}' and 'acetui doctor' there.")
        )
    if said["event"] == "error":
        raise EngineError(f"{host}: {said.get('error')}", str(said.get("hint") or "Look there."))
    if not _speaks(str(said.get("version"))):
        raise _other(host, str(said.get("version")))
    return Door(said["session"], said["name"], said["socket"], said["token"], said.get("port"))


def _object(line: str) -> dict[str, Any] | None:
    """A line of the other acetui's, as an object; None for all that others print."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and found.get("event") in ("door", "error") else None


def _speaks(version: str) -> bool:
    return version.split(".")[:2] == __version__.split(".")[:2]


def _other(host: str, version: str) -> NoAcetui:
    return NoAcetui(
        f"acetui on {host} is version {version}, and here it is {__version__}: they do not understand each other.",
        "Install the same version on both.",
    )
