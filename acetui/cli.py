"""The command line: arguments first, imports after. A verb's own module is imported when the verb is run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from acetui.session_verbs import with_sort_joined
from engine import Cancelled, EngineError, InvalidRequest, __version__

FAILED = 1
MOST_THREADS = 1024

FORMATS = ("flac", "wav", "wav16", "wav24", "wav32", "mp3", "opus", "ogg")
"""What ``engine.file_names`` has suffixes for; written out so that --help loads nothing."""


class UsageError(InvalidRequest):
    """Arguments that make no sense together or alone."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose refusals are exceptions, so that --json and people get them in the same way."""

    def error(self, message: str) -> NoReturn:
        """Raises UsageError with what argparse has to say."""
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", f"'{self.prog} --help' explains the arguments.")


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
    for name, add_verb in _VERBS.items():
        add_verb(verbs, name)
    return parser


def device(text: str) -> str:
    """A device name as typed, if it is one; for argparse."""
    from engine.values import DEVICE

    if not DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a device: auto, cpu, cuda, cuda:1 and mps are")
    return text


def positive(text: str) -> int:
    """A number of threads; for argparse."""
    if not text.isdecimal() or len(text) > 4 or not 1 <= int(text) <= MOST_THREADS:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not a whole number from 1 to {MOST_THREADS}")
    return int(text)


def parser_for(argv: list[str]) -> Parser:
    """The parser of what is asked for: a verb, or the studio in this terminal. Raises UsageError for half a verb."""
    return build_parser() if _is_verb(argv) else _studio_parser()


def _run(argv: list[str]) -> int:
    parser = parser_for(argv)
    try:
        args = parser.parse_args(with_sort_joined(argv))
    except SystemExit as answered:  # --help and --version
        return answered.code if isinstance(answered.code, int) else 0
    verb: Callable[[argparse.Namespace], int] = args.run
    return verb(args)


def _is_verb(argv: list[str]) -> bool:
    """Whether a verb is called, or help is asked for; else it is a session, or nothing, that opens in the terminal.

    Raises InvalidRequest for a word that is nearly a verb.
    """
    if not argv:
        return False
    if argv[0] in _VERBS or argv[0] in ("-h", "--help", "--version"):
        return True
    if not argv[0].startswith("-"):
        from acetui.open_studio import refuse_mistyped_verb

        refuse_mistyped_verb(argv[0], list(_VERBS))
    return False


def _studio_parser() -> Parser:
    """The parser of ``acetui [SESSION]``."""
    parser = Parser(prog="acetui", description="Open a session's studio in this terminal.", allow_abbrev=False)
    parser.set_defaults(run=_open)
    parser.add_argument(
        "session", nargs="?", metavar="SESSION", help="a name, or the path of a folder (default: the last)"
    )
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    parser.add_argument("--theme", metavar="NAME", help="the colours, for this run")
    parser.add_argument("--ascii", action="store_true", help="draw with plain ASCII alone, for this run")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    return parser


def _open(args: argparse.Namespace) -> int:
    from acetui.open_studio import run

    return run(args)


def _add_render(verbs: argparse._SubParsersAction[Parser], name: str) -> None:
    from acetui.flags import add_recipe_flags

    parser = verbs.add_parser(
        name,
        help="render takes of one recipe to audio files",
        description="Render takes of one recipe to audio files. Flags win over the recipe file.",
        usage="acetui render [RECIPE.toml] [--caption TEXT] [--lyrics TEXT] [--any-recipe-field VALUE ...]\n"
        "                     [--batch N] [--seed S ...] [-o FILE or DIR]",
        allow_abbrev=False,
    )
    parser.set_defaults(run=_render)
    parser.add_argument("recipe", nargs="?", metavar="RECIPE.toml", help="a recipe: keys at the top or under [recipe]")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE|DIR",
        help="an audio file, or a folder if it exists or ends with a slash (default: a name made from the caption)",
    )
    parser.add_argument("--format", choices=FORMATS, help="of the files (default: from -o, else the recipe, else flac)")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    parser.add_argument("--keep-latents", action="store_true", help="write the latents beside the audio (.safetensors)")
    _add_engine_flags(parser)
    _add_output_flags(parser)
    add_recipe_flags(parser)


def _add_jam(verbs: argparse._SubParsersAction[Parser], name: str) -> None:
    from acetui.flags import add_recipe_flags

    parser = verbs.add_parser(
        name,
        help="keep rendering takes of a session until a limit, or until Ctrl-C",
        description="Keep rendering new takes of a session, which is made if it is not there; recipe flags go into it. "
        "Saved edits of its session.toml count from the next batch on. Ctrl-C stops after this batch, twice at once.",
        usage="acetui jam SESSION [--takes N] [--minutes M] [--until-score X] [--keep K] [--json]\n"
        "                  [--caption TEXT] [--any-recipe-field VALUE ...]",
        allow_abbrev=False,
    )
    parser.set_defaults(run=_jam)
    parser.add_argument("session", metavar="SESSION", help="a name in your own sessions, or the path of a folder")
    group = parser.add_argument_group("when to end, for this run alone")
    group.add_argument("--takes", metavar="N", help="after so many takes")
    group.add_argument("--minutes", metavar="M", help="after so long")
    group.add_argument("--until-score", metavar="X", help="once a take scores so well (0 to 1)")
    group.add_argument("--keep", metavar="K", help="keep the best so many of this run; the rest go to the trash")
    group.add_argument("--policy", metavar="WORD", help="explore, siblings (of pinned takes) or mix (the default)")
    _add_engine_flags(parser)
    parser.set_defaults(device=None)
    _add_output_flags(parser)
    add_recipe_flags(parser)


def _add_planner_verb(verbs: argparse._SubParsersAction[Parser], name: str) -> None:
    from acetui.flags import add_recipe_flags

    words, argument, about = _PLANNER_VERBS[name]
    parser = verbs.add_parser(
        name,
        help=words,
        description=f"{words[:1].upper()}{words[1:]}. What comes out is a recipe; with --json, its fields.",
        usage=f"acetui {name} {argument} [--json] [--caption TEXT] [--any-recipe-field VALUE ...]",
        allow_abbrev=False,
    )
    parser.set_defaults(run=_write, verb=name)
    place = {"understand": "file", "sample": "query"}.get(name, "recipe")
    required = None if name == "understand" else "?"
    parser.add_argument(place, nargs=required, metavar=argument.strip("[]"), help=about)
    _add_engine_flags(parser)
    _add_output_flags(parser)
    add_recipe_flags(parser)


def _add_engine_flags(parser: Parser) -> None:
    group = parser.add_argument_group("model and machine")
    group.add_argument("--models", metavar="DIR", help="a checkpoints folder (default: ACETUI_MODELS, else your own)")
    group.add_argument("--dit", metavar="NAME", help="which music model in it, such as acestep-v15-turbo")
    group.add_argument("--lm", metavar="NAME", help="which planner in it")
    group.add_argument("--device", type=device, default="auto", metavar="auto|cpu|cuda|cuda:N|mps")
    group.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), help="default: what the device does best")
    group.add_argument("--threads", type=positive, metavar="N", help="CPU threads (default: torch's choice)")


def _add_output_flags(parser: Parser) -> None:
    group = parser.add_argument_group("what is printed")
    group.add_argument("--json", action="store_true", help="one JSON object a line on standard output, nothing else")
    group.add_argument("--debug", action="store_true", help="show the engine's log and tracebacks")


def _render(args: argparse.Namespace) -> int:
    from acetui.render import run

    return run(args)


def _write(args: argparse.Namespace) -> int:
    from acetui.planner_verbs import run

    return run(args)


def _jam(args: argparse.Namespace) -> int:
    from acetui.jam import run

    return run(args)


def _add_session_verb(verbs: argparse._SubParsersAction[Parser], name: str) -> None:
    from acetui.session_verbs import ADD

    _add_output_flags(ADD[name](verbs, name))


_PLANNER_VERBS = {
    "plan": ("let the planner fill in what a recipe leaves open, and write codes", "[RECIPE.toml]", "a recipe"),
    "sample": ("make a whole song description of one sentence", "[SENTENCE]", "what the song is to be like"),
    "format": ("polish caption and lyrics", "[RECIPE.toml]", "a recipe"),
    "understand": ("put music into words: caption, lyrics, tempo, key", "FILE", "an audio file"),
}
"""What each of them does, what it takes, and what that is."""

_VERBS: dict[str, Callable[[argparse._SubParsersAction[Parser], str], None]] = {
    "render": _add_render,
    "jam": _add_jam,
    **dict.fromkeys(_PLANNER_VERBS, _add_planner_verb),
    **dict.fromkeys(("studio", "takes", "take", "verify", "export"), _add_session_verb),
}


def _report(error: EngineError, argv: Sequence[str]) -> int:
    """Tells of a failure in the form that was asked for; the flags may be what was wrong, so they are looked for."""
    from acetui.report import print_error

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
