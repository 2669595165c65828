"""The arguments of the verbs about this machine and its models; what they do is in a module for each."""

from __future__ import annotations

import argparse

from acetui.verbs.parsing import AddVerb, Verbs, add_engine_flags, add_output_flags, later, whole

_LARGEST_CARD = 1024.0


def add_doctor(verbs: Verbs, name: str) -> None:
    """``acetui doctor``."""
    parser = verbs.add_parser(
        name,
        help="what this machine is, what it can do, and what to do next",
        description="Say what this machine is and what it allows: its cards, models, sound, terminal and folders. "
        "Nothing is loaded and nothing is downloaded. Exit status 3 where models are missing that were named, 1 where "
        "takes cannot be kept.",
        usage="acetui doctor [--vram GB] [--models DIR] [--json]",
        allow_abbrev=False,
    )
    parser.set_defaults(run=later("acetui.verbs.doctor:run"))
    parser.add_argument("--vram", type=vram, metavar="GB", help="as if the card had so much memory")
    parser.add_argument("--models", metavar="DIR", help="a checkpoints folder (default: ACETUI_MODELS, else your own)")
    add_output_flags(parser)


def add_models(verbs: Verbs, name: str) -> None:
    """``acetui models``."""
    parser = verbs.add_parser(
        name,
        help="the models that are here, those that this machine wants, and how they come here",
        description="list: what is here and what this machine wants, without asking anybody. get: download models, or "
        "use in place what another program has put on this machine; without a name, what this machine wants. verify: "
        "whether they are what was published. path: where they are.",
        usage="acetui models [list | get [NAME ...] | verify [NAME ...] | path [NAME]] [--models DIR] [--json]",
        epilog="HF_ENDPOINT names a mirror, HF_TOKEN a token, HF_HUB_OFFLINE=1 keeps everything here. A download that "
        "was cut goes on where it ended.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=later("acetui.verbs.models:run"))
    parser.add_argument("job", nargs="?", choices=("list", "get", "verify", "path"), default="list", help="what to do")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a model, such as turbo, sft, xl-turbo, 0.6B or vae")
    parser.add_argument("--models", metavar="DIR", help="a checkpoints folder (default: ACETUI_MODELS, else your own)")
    parser.add_argument("--vram", type=vram, metavar="GB", help="what a card of this size would want")
    add_output_flags(parser)


def add_adapters(verbs: Verbs, name: str) -> None:
    """``acetui adapters``."""
    parser = verbs.add_parser(
        name,
        help="the adapters (LoRA, DoRA, LoKr) that are here, and which model they fit",
        description="List the adapters that recipes can call by name, or look at those that are named: what they are "
        "and whether they fit the model. Nothing is loaded. Exit status 3 where one is not there, 2 where one that was "
        "named does not fit.",
        usage="acetui adapters [NAME or FILE ...] [--models DIR] [--dit NAME] [--json]",
        allow_abbrev=False,
    )
    parser.set_defaults(run=later("acetui.verbs.adapters:run"))
    parser.add_argument("names", nargs="*", metavar="NAME", help="an adapter by name, a file, or a folder of PEFT's")
    parser.add_argument("--models", metavar="DIR", help="a checkpoints folder (default: ACETUI_MODELS, else your own)")
    parser.add_argument("--dit", metavar="NAME", help="which music model in it (default: the best there is)")
    add_output_flags(parser)


def add_bench(verbs: Verbs, name: str) -> None:
    """``acetui bench``."""
    parser = verbs.add_parser(
        name,
        help="how fast this machine is, stage by stage",
        description="Render the same recipe several times, cold and warm, and print a table that can be pasted. "
        "What it finds is kept, and estimates go by it.",
        usage="acetui bench [--seconds S] [--batch N] [--rounds N] [--steps N] [--models DIR] [--json]",
        allow_abbrev=False,
    )
    parser.set_defaults(run=later("acetui.verbs.bench:run"))
    group = parser.add_argument_group("what is rendered")
    group.add_argument("--seconds", type=_seconds, default=20.0, metavar="S", help="of each take (default: 20)")
    group.add_argument("--batch", type=whole(1, 8), default=1, metavar="N", help="takes in a batch (default: 1)")
    group.add_argument("--rounds", type=whole(1, 20), default=3, metavar="N", help="warm batches (default: 3)")
    group.add_argument("--steps", type=whole(1, 200), metavar="N", help="steps (default: the model's own)")
    add_engine_flags(parser)
    add_output_flags(parser)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1.0 <= seconds <= 600.0:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no length: a number of seconds from 1 to 600 is")
    return seconds


def vram(text: str) -> float:
    """The size of a card in GB as typed; for argparse."""
    try:
        size = float(text)
    except ValueError:
        size = 0.0
    if not 0.0 < size <= _LARGEST_CARD:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is no size of a card: a number of GB is, such as 8")
    return size


VERBS: dict[str, AddVerb] = {"models": add_models, "adapters": add_adapters, "doctor": add_doctor, "bench": add_bench}
