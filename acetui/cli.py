"""The command line: arguments first, imports after. A verb's own module is imported when the verb is run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

from acetui.verbs.parsing import Parser, UsageError, add_session_or_last, add_terminal_flags, later
from engine import Cancelled, EngineError, __version__

FAILED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 done, 1 failed, 2 wrong usage, 3 something missing, 130 stopped."""
    argv = list(sys.argv[1:] if argv is None else argv)
    _mend_streams()
    try:
        code = _run(argv)
        sys.stdout.flush()
        return code
    except EngineError as error:
        return _report(error, argv)
    except KeyboardInterrupt:
        return _report(Cancelled(), argv)
    except OSError as cause:
        _abandon_stdout()
        return FAILED if isinstance(cause, BrokenPipeError) else _report_unexpected(cause, argv)
    except Exception as error:
        return _report_unexpected(error, argv)


def _mend_streams() -> None:
    """Output that was closed goes nowhere, and what an encoding lacks is escaped: neither is worth losing a take."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  (for the rest of the process)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def build_parser() -> Parser:
    """The parser of every verb, made from the request's own field table."""
    parser = Parser(
        prog="acetui",
        description="A terminal studio for ACE-Step music generation. Without a verb: the studio of SESSION, or of the "
        "last one, in this terminal (--no-mouse leaves the mouse to the terminal).",
        usage="acetui [SESSION] [--no-mouse]\n       acetui VERB ...",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"acetui {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, prog="acetui")
    for module, names in _VERBS.items():
        add = import_module(f"acetui.verbs.{module}").VERBS
        for name in names:
            add[name](verbs, name)
    return parser


def parser_for(argv: list[str]) -> Parser:
    """The parser of what is asked for: a verb, or the studio in this terminal. Raises UsageError for half a verb."""
    return build_parser() if _is_verb(argv) else _studio_parser()


def _run(argv: list[str]) -> int:
    parser = parser_for(argv)
    try:
        args, unknown = parser.parse_known_args(_joined(argv) if _is_verb(argv) else argv)
    except SystemExit as answered:  # --help and --version
        return answered.code if isinstance(answered.code, int) else 0
    if unknown:
        called = f"acetui {argv[0]}" if _is_verb(argv) else "acetui"
        raise UsageError(f"Unrecognized arguments: {' '.join(unknown)}.", f"'{called} --help' explains the arguments.")
    verb: Callable[[argparse.Namespace], int] = args.run
    return verb(args)


def _joined(argv: list[str]) -> list[str]:
    """The arguments of a verb as argparse takes them in."""
    from acetui.verbs.session import with_sort_joined

    return with_sort_joined(argv)


def _is_verb(argv: list[str]) -> bool:
    """Whether a verb is called, or help is asked for; else it is a session, or nothing, that opens in the terminal.

    Raises InvalidRequest for a word that is nearly a verb.
    """
    if not argv:
        return False
    names = [name for names in _VERBS.values() for name in names]
    if argv[0] in names or argv[0] in ("-h", "--help", "--version"):
        return True
    if not argv[0].startswith("-"):
        from acetui.open_studio import refuse_mistyped_verb

        refuse_mistyped_verb(argv[0], names)
    return False


def _studio_parser() -> Parser:
    """The parser of ``acetui [SESSION]``."""
    parser = Parser(prog="acetui", description="Open a session's studio in this terminal.", allow_abbrev=False)
    parser.set_defaults(run=later("acetui.open_studio:run"))
    add_session_or_last(parser)
    add_terminal_flags(parser)
    return parser


_VERBS: Mapping[str, tuple[str, ...]] = {
    "music": ("render", "jam", "plan", "sample", "format", "understand", "score", "import"),
    "session": ("studio", "takes", "take", "verify", "export"),
    "operations": (
        *("repaint", "cover", "extend", "stitch", "join", "extract", "lego", "complete", "crop", "sibling", "finish"),
    ),
    "hearing": ("listen", "connect", "door"),
    "machine": ("models", "adapters", "doctor", "bench"),
}
"""The verbs by the module of ``acetui.verbs`` that declares them; the studio in this terminal needs none of them."""


def _report(error: EngineError, argv: Sequence[str]) -> int:
    """Tells of a failure in the form that was asked for; the flags may be what was wrong, so they are looked for."""
    from acetui.verbs.report import print_error

    if "--debug" in argv and not isinstance(error, UsageError):
        import traceback

        traceback.print_exception(error)
    try:
        print_error(error, as_json="--json" in argv)
    except OSError:  # nobody listens, or the disk that listens is full
        _abandon_stdout()
    return error.exit_code


def _report_unexpected(error: Exception, argv: Sequence[str]) -> int:
    hint = "Run again with --debug to see where, and please report it."
    wrapped = EngineError(f"Something failed unexpectedly: {type(error).__name__}: {error}.", hint)
    wrapped.__cause__ = error
    return _report(wrapped, argv)


def _abandon_stdout() -> None:
    """Whoever read our output has gone; without this, Python would complain at exit when it flushes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
