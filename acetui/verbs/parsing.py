"""Arguments as the verbs share them: their parser, what a value may be, and flags that several have."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn, TypeAlias

from engine import InvalidRequest
from engine.quantisation import NAMES

MOST_THREADS = 1024


class UsageError(InvalidRequest):
    """Arguments that make no sense together or alone."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose refusals are exceptions, so that --json and people get them in the same way.

    ``fill`` adds what is dear to add, and is called when this very verb is used.
    """

    fill: Callable[[], None] | None = None

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As the method of the class above, with everything that ``fill`` adds."""
        fill, self.fill = self.fill, None
        if fill is not None:
            fill()
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raises UsageError with what argparse has to say."""
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", f"'{self.prog} --help' explains the arguments.")


Verbs: TypeAlias = "argparse._SubParsersAction[Parser]"
AddVerb = Callable[[Verbs, str], None]
"""Adds the parser of a verb under its name."""


def later(place: str) -> Callable[[argparse.Namespace], int]:
    """What runs a verb, as ``module:function``: the module is imported when the verb is run and not before."""

    def run(args: argparse.Namespace) -> int:
        module, function = place.split(":")
        verb: Callable[[argparse.Namespace], int] = getattr(import_module(module), function)
        return verb(args)

    return run


def add_verb(
    verbs: Verbs,
    name: str,
    run: str,
    summary: str,
    description: str,
    *,
    usage: str | None = None,
    epilog: str | None = None,
) -> Parser:
    """A verb that is run by ``run``, as ``later`` has it, with nothing in it yet."""
    parser = verbs.add_parser(
        name, help=summary, description=description, usage=usage, epilog=epilog, allow_abbrev=False
    )
    parser.set_defaults(run=later(run))
    return parser


def fill_with_recipe(parser: Parser) -> None:
    """Gives a verb a flag for every field of a recipe, once it is used."""

    def fill() -> None:
        from acetui.verbs.flags import add_recipe_flags

        add_recipe_flags(parser)

    parser.fill = fill


def device_name(text: str) -> str:
    """A device name as typed, if it is one; for argparse."""
    from engine.values import DEVICE

    if not DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a device: auto, cpu, cuda, cuda:1 and mps are")
    return text


def whole(low: int, high: int, what: str = "a whole number") -> Callable[[str], int]:
    """A reader of whole numbers in a range; for argparse."""

    def read(text: str) -> int:
        if not text.isdecimal() or len(text) > len(str(high)) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text[:20]!r} is not {what} from {low} to {high}")
        return int(text)

    return read


def key_name(text: str) -> str:
    """A key as typed, in its stored form; for argparse."""
    from engine.values import keyscale

    try:
        found = keyscale(text)
    except ValueError as reason:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no key: {reason}") from None
    if found is None:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no key: one is 'A minor', another 'F# major'")
    return found


def number(low: float, high: float, what: str) -> Callable[[str], float]:
    """A reader of numbers in a range, both ends included; ``what`` says what it would be. For argparse."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text[:20]!r} is no {what}")
        return value

    return read


PORT = whole(1, 65535, "a port")

MODEL_FLAGS = (
    "models",
    "dit",
    "lm",
    "device",
    "dtype",
    "threads",
    "offload",
    "offload_dit",
    "guidance_passes",
    "quantization",
    "lm_draft",
)
"""What an engine is told to load, by the names of the flags."""


def add_models_flag(to: argparse._ActionsContainer) -> None:
    """Where models are."""
    to.add_argument("--models", metavar="DIR", help="a checkpoints folder (default: ACETUI_MODELS, else your own)")


def add_session_or_last(parser: Parser) -> None:
    """Which session; without one it is the last."""
    parser.add_argument(
        "session", nargs="?", metavar="SESSION", help="a name, or the path of a folder (default: the last)"
    )


def add_terminal_flags(parser: Parser) -> None:
    """How the terminal looks and behaves in this run."""
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    parser.add_argument("--theme", metavar="NAME", help="the colours, for this run")
    parser.add_argument("--ascii", action="store_true", help="draw with plain ASCII alone, for this run")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")


def add_engine_flags(parser: Parser) -> None:
    """What music is made with, and on what."""
    group = parser.add_argument_group("model and machine")
    add_models_flag(group)
    group.add_argument("--dit", metavar="NAME", help="which music model in it, such as acestep-v15-turbo")
    group.add_argument("--lm", metavar="NAME", help="which planner in it")
    group.add_argument(
        "--lm-draft",
        metavar="NAME",
        help="a smaller planner that writes codes ahead of it, which it checks: the codes stay the same",
    )
    group.add_argument("--device", type=device_name, default="auto", metavar="auto|cpu|cuda|cuda:N|xpu|mps")
    group.add_argument(
        "--offload",
        action=argparse.BooleanOptionalAction,
        help="have text encoder, VAE and planner in memory only while they work (default: as the card needs it)",
    )
    group.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), help="default: what the device does best")
    group.add_argument(
        "--offload-dit",
        action=argparse.BooleanOptionalAction,
        help="have the music model's layers on the card only while each of them works (default: as the card needs it)",
    )
    group.add_argument(
        "--guidance-passes", type=int, choices=(1, 2), help="2 takes half the memory where there is guidance"
    )
    group.add_argument(
        "--quantization", choices=NAMES, help="the music model in one byte a number (default: as the card needs it)"
    )
    group.add_argument(
        "--threads", type=whole(1, MOST_THREADS), metavar="N", help="CPU threads (default: torch's choice)"
    )


def workers_name(text: str) -> str:
    """Engines as typed, in their written form; for argparse."""
    from sessions.worker_names import WANTS, normal

    try:
        return normal(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} names no engines: {WANTS}") from None


def add_workers_flag(to: argparse._ActionsContainer) -> None:
    """How many engines a session has."""
    to.add_argument(
        "--workers",
        type=workers_name,
        metavar="auto|N|cuda:0,cuda:1|ray://...",
        help="several engines that make takes at the same time: one a card, so many, these, or a Ray cluster's "
        "(default: [models] workers of the session, else ACETUI_WORKERS, else one)",
    )


def add_output_flags(parser: Parser) -> None:
    """What every verb prints, and how."""
    group = parser.add_argument_group("what is printed")
    group.add_argument("--json", action="store_true", help="one JSON object a line on standard output, nothing else")
    group.add_argument("--debug", action="store_true", help="show the engine's log and tracebacks")
