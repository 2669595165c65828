"""The arguments of the verbs for hearing takes elsewhere; what they do is in a module for each."""

from __future__ import annotations

from acetui.verbs.parsing import (
    PORT,
    AddVerb,
    Verbs,
    add_output_flags,
    add_session_or_last,
    add_terminal_flags,
    add_verb,
)


def add_listen(verbs: Verbs, name: str) -> None:
    """``acetui listen``."""
    parser = add_verb(
        verbs,
        name,
        f"acetui.verbs.{name}:run",
        "the page on which takes are heard in a browser",
        "Open the page of a session's studio on this machine's own address, and print where it is, with "
        "the token that it wants, and the ssh line that brings it to another machine.",
    )
    add_session_or_last(parser)
    parser.add_argument("--port", type=PORT, metavar="PORT", help="the port (default: the session's own)")
    add_output_flags(parser)


def add_connect(verbs: Verbs, name: str) -> None:
    """``acetui connect``."""
    parser = add_verb(
        verbs,
        name,
        f"acetui.verbs.{name}:run",
        "the terminal and the sound here, the studio on another machine",
        "Open a session's studio that is on another machine: the terminal runs here and takes are heard "
        "here. It goes through your own ssh, with its settings, keys and known hosts; acetui has to be there too.",
    )
    parser.add_argument("host", metavar="USER@HOST", help="as ssh knows it")
    parser.add_argument("session", nargs="?", metavar="SESSION", help="a session there (default: the last)")
    parser.add_argument(
        "--remote-command", metavar="CMD", help="how acetui is called there (default: it is looked for)"
    )
    add_terminal_flags(parser)


def add_door(verbs: Verbs, name: str) -> None:
    """``acetui door``."""
    parser = add_verb(
        verbs,
        name,
        f"acetui.verbs.{name}:run",
        "where a session's studio is and what opens it, for 'acetui connect'",
        "Start the studio of a session if none runs, and print its socket and its token. 'acetui connect' "
        "asks this of the other machine; there is little else to do with it.",
    )
    add_session_or_last(parser)
    parser.add_argument("--port", action="store_true", help="open its port on this machine's own address too")
    add_output_flags(parser)


VERBS: dict[str, AddVerb] = {"listen": add_listen, "connect": add_connect, "door": add_door}
