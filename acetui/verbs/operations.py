"""The arguments of the verbs that make a take from a take; what they do is in ``acetui.verbs.operating``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acetui.verbs.parsing import AddVerb, Parser, Verbs, add_output_flags, add_verb, whole

MOST_TAKES = 8
"""How many may be asked for at once; ``engine.values`` has it, and a test that both agree."""

_TAKE = "a number, a range (12-18), an id, best, last or pinned"


@dataclass(frozen=True)
class Own:
    """A flag that no recipe has; ``value`` names what stands behind it, ``several`` whether that may be many."""

    help: str
    value: str = "X"
    several: bool = False


@dataclass(frozen=True)
class Verb:
    """One operation: what it does in a line, and its own flags. ``fields``: whether it takes fields of a recipe."""

    help: str
    own: Mapping[str, Own]
    fields: bool = True
    many: bool = True
    """Whether several may be asked for at once."""


_OVERLAP = Own("seconds of the take, at the joint, that are made anew")
_VERBS: Mapping[str, Verb] = {
    "repaint": Verb("make a part of a take anew; the rest stays as it is, to the sample", {}),
    "cover": Verb("make a take in another style", {}),
    "extend": Verb(
        "make a take longer",
        {
            "seconds": Own("by how much (default: 30)"),
            "side": Own("after or before (default: after)", "SIDE"),
            "overlap": _OVERLAP,
        },
    ),
    "stitch": Verb(
        "put another take behind one, and make what joins them",
        {"with": Own("the take that follows", "TAKE"), "gap": Own("seconds between them"), "overlap": _OVERLAP},
    ),
    "join": Verb(
        "follow the audio codes of several takes, one behind the other",
        {"with": Own("the takes that follow", "TAKE", several=True)},
    ),
    "extract": Verb("take one track out of a take (base models)", {}),
    "lego": Verb("make one track to go with a take (base models)", {}),
    "complete": Verb("make the tracks that a take lacks (base models)", {}),
    "crop": Verb("cut a take, or fade it", {}, many=False),
    "sibling": Verb(
        "render takes near a take",
        {"variance": Own("how far away, above 0 and up to 1, where there are no audio codes")},
        fields=False,
    ),
    "finish": Verb("render a take as well as its model can", {}, fields=False, many=False),
}


def add_operation(verbs: Verbs, name: str) -> None:
    """``acetui repaint`` and its like."""
    verb = _VERBS[name]
    parser = add_verb(
        verbs,
        name,
        "acetui.verbs.operating:run",
        verb.help,
        f"{verb.help[:1].upper()}{verb.help[1:]}. The session's studio does it before its loop goes on; "
        "one is started if none runs. What is not given is as it was for the take; docs/tasks.md explains the rest.",
        usage=f"acetui {name} SESSION TAKE [options]",
    )
    parser.set_defaults(verb=name, own=tuple(verb.own))
    parser.add_argument("session", metavar="SESSION", help="a name in your own sessions, or the path of a folder")
    parser.add_argument("take", metavar="TAKE", help=_TAKE)
    if verb.many:
        parser.add_argument("--takes", type=whole(1, MOST_TAKES), metavar="N", help="how many (default: 1)")
    for flag, own in verb.own.items():
        nargs = "+" if own.several else None
        wanted = flag == "with"
        parser.add_argument(
            f"--{flag}", dest=f"own:{flag}", nargs=nargs, metavar=own.value, help=own.help, required=wanted
        )
    add_output_flags(parser)
    if verb.fields:
        parser.fill = lambda: _add_fields(parser, name)


def _add_fields(parser: Parser, name: str) -> None:
    from acetui.verbs.flags import add_recipe_flags
    from sessions.derived import FIELDS_OF

    add_recipe_flags(parser, FIELDS_OF[name])


VERBS: dict[str, AddVerb] = dict.fromkeys(_VERBS, add_operation)
