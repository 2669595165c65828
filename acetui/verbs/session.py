"""The arguments of the verbs that work on a session and its takes; what they do is in a module for each."""

from __future__ import annotations

from collections.abc import Sequence

from acetui.verbs.parsing import (
    PORT,
    AddVerb,
    Parser,
    Verbs,
    add_output_flags,
    add_verb,
    add_workers_flag,
    number,
    whole,
)

_SESSION = "a name in your own sessions, or the path of a folder"
_LUFS = number(-60.0, -5.0, "loudness: a number from -60 to -5 is, such as -14")
_TAKES = "numbers, ranges (12-18), ids, best, last, pinned or trashed"


def with_sort_joined(argv: Sequence[str]) -> list[str]:
    """``--sort -score`` as ``--sort=-score``: argparse would take what begins with a dash for a flag."""
    joined: list[str] = []
    for word in argv:
        if joined and joined[-1] == "--sort" and word.startswith("-") and not word.startswith("--"):
            joined[-1] = f"--sort={word}"
        else:
            joined.append(word)
    return joined


def add_studio(verbs: Verbs, name: str) -> None:
    """``acetui studio``."""
    parser = _parser(
        verbs,
        name,
        "acetui.verbs.studio:run",
        "have a session's studio run without a terminal",
        "Start the studio of a session in the background and turn its loop on. It goes on without this "
        "terminal; 'acetui' attaches to it, and so does everything else. It ends by itself when the loop is off and "
        "nobody has been attached for some minutes.",
    )
    parser.add_argument(
        "--listen",
        nargs="?",
        const=0,
        type=PORT,
        metavar="PORT",
        help="open a port on this machine's own address",
    )
    add_workers_flag(parser)
    parser.add_argument("--no-loop", action="store_true", help="start it without turning the loop on")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--foreground", action="store_true", help="stay here, as a service manager wants it")
    how.add_argument("--stop", action="store_true", help="end the studio; takes that are finished are kept")
    how.add_argument("--status", action="store_true", help="say what it does; exit status 3 where none runs")


def add_takes(verbs: Verbs, name: str) -> None:
    """``acetui takes``."""
    parser = _parser(
        verbs,
        name,
        "acetui.verbs.takes:run_takes",
        "list the takes of a session",
        "List the takes of a session. A filter is an expression such as 'score>=0.8 and pinned', "
        "'bpm<100 or key:\"A minor\"', 'caption~neon', 'verdict:unheard' or 'trashed'.",
    )
    parser.add_argument(
        "--sort", default="number", metavar="FIELD", help="fields such as -score,number; a minus is from large to small"
    )
    parser.add_argument("--filter", default="", metavar="EXPR", help="only takes for which this is true")
    parser.add_argument("--top", type=whole(0, 10**9 - 1), metavar="N", help="only the first so many")


def add_take(verbs: Verbs, name: str) -> None:
    """``acetui take``."""
    from acetui.verbs.verdicts import VERDICTS

    values = "; ".join(f"'{verb}' wants {verdict.value}" for verb, verdict in VERDICTS.items() if verdict.value)
    parser = _parser(
        verbs,
        name,
        "acetui.verbs.takes:run_take",
        "say what you think of takes",
        f"Say what you think of takes. Behind the takes, {values}. 'trash' moves takes to the trash, 'restore' brings "
        "them back, and 'delete' removes takes that are in the trash for good: 'delete trashed' empties it.",
    )
    parser.usage = f"acetui take SESSION ({', '.join(VERDICTS)}) TAKE... [VALUE]"
    parser.add_argument("verdict", choices=VERDICTS, metavar="VERDICT", help=", ".join(VERDICTS))
    parser.add_argument("takes", nargs="+", metavar="TAKE", help=_TAKES)


def add_verify(verbs: Verbs, name: str) -> None:
    """``acetui verify``."""
    parser = _parser(
        verbs,
        name,
        "acetui.verbs.verify:run",
        "render takes again, and say whether they are the same",
        "Render takes again from what is stored with them and compare the samples. Says 'Identical.', or "
        "what differs and why it may. Exit status 1 where one differs.",
    )
    parser.add_argument("takes", nargs="+", metavar="TAKE", help=_TAKES)


def add_export(verbs: Verbs, name: str) -> None:
    """``acetui export``."""
    parser = _parser(
        verbs,
        name,
        "acetui.verbs.export:run",
        "write takes as files for other programs",
        "Write takes as audio with tags, and beside each its recipe, from which 'acetui render' makes it again. With "
        "--loudness they are brought to a loudness; no true peak then passes -1 dBTP.",
    )
    parser.fill = lambda: _fill_export(parser)


def _fill_export(parser: Parser) -> None:
    from engine.file_names import SUFFIXES
    from sessions.export_names import TEMPLATE

    parser.add_argument("takes", nargs="+", metavar="TAKE", help=_TAKES)
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="the folder, made where it is missing")
    parser.add_argument("--format", choices=SUFFIXES, default="flac", help=f"{', '.join(SUFFIXES)} (default: flac)")
    parser.add_argument("--loudness", type=_LUFS, metavar="LUFS", help="such as -14; as it is without")
    parser.add_argument("--lrc", action="store_true", help="the lyrics with their times too, where a take has any")
    parser.add_argument(
        "--name",
        default=TEMPLATE,
        metavar="TEMPLATE",
        help="what files are called, of session, number, name, seed, score, rating, bpm, key, date and id in braces "
        f"(default: '{TEMPLATE}')",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")


def _parser(verbs: Verbs, name: str, run: str, summary: str, description: str) -> Parser:
    """The parser of a verb that begins with a session."""
    parser = add_verb(verbs, name, run, summary, description)
    parser.add_argument("session", metavar="SESSION", help=_SESSION)
    add_output_flags(parser)
    return parser


VERBS: dict[str, AddVerb] = {
    "studio": add_studio,
    "takes": add_takes,
    "take": add_take,
    "verify": add_verify,
    "export": add_export,
}
