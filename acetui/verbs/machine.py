"""The arguments of the verbs about this machine and its models; what they do is in a module for each."""

from __future__ import annotations

import math

from acetui.verbs.parsing import (
    AddVerb,
    Verbs,
    add_engine_flags,
    add_models_flag,
    add_output_flags,
    add_verb,
    number,
    whole,
)

_VRAM = number(math.nextafter(0.0, 1.0), 1024.0, "size of a card: a number of GB is, such as 8")
_SECONDS = number(1.0, 600.0, "length: a number of seconds from 1 to 600 is")


def add_doctor(verbs: Verbs, name: str) -> None:
    """``acetui doctor``."""
    parser = add_verb(
        verbs,
        name,
        "acetui.verbs.doctor:run",
        "what this machine is, what it can do, and what to do next",
        "Say what this machine is and what it allows: its cards, models, sound, terminal and folders. "
        "Nothing is loaded and nothing is downloaded. Exit status 3 where models are missing that were named, 1 where "
        "takes cannot be kept.",
        usage="acetui doctor [--vram GB] [--models DIR] [--json]",
    )
    parser.add_argument("--vram", type=_VRAM, metavar="GB", help="as if the card had so much memory")
    add_models_flag(parser)
    add_output_flags(parser)


def add_models(verbs: Verbs, name: str) -> None:
    """``acetui models``."""
    parser = add_verb(
        verbs,
        name,
        "acetui.verbs.models:run",
        "the models that are here, those that this machine wants, and how they come here",
        "list: what is here and what this machine wants, without asking anybody. get: download models, or "
        "use in place what another program has put on this machine; without a name, what this machine wants. verify: "
        "whether they are what was published. path: where they are.",
        usage="acetui models [list | get [NAME ...] | verify [NAME ...] | path [NAME]] [--models DIR] [--json]",
        epilog="HF_ENDPOINT names a mirror, HF_TOKEN a token, HF_HUB_OFFLINE=1 keeps everything here. A download that "
        "was cut goes on where it ended.",
    )
    parser.add_argument("job", nargs="?", choices=("list", "get", "verify", "path"), default="list", help="what to do")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a model, such as turbo, sft, xl-turbo, 0.6B or vae")
    add_models_flag(parser)
    parser.add_argument("--vram", type=_VRAM, metavar="GB", help="what a card of this size would want")
    parser.add_argument(
        "--hub",
        choices=("huggingface", "modelscope"),
        help="which hub alone (default: the second if the first is not there)",
    )
    add_output_flags(parser)


def add_adapters(verbs: Verbs, name: str) -> None:
    """``acetui adapters``."""
    parser = add_verb(
        verbs,
        name,
        "acetui.verbs.adapters:run",
        "the adapters (LoRA, DoRA, LoKr) that are here, and which model they fit",
        "List the adapters that recipes can call by name, or look at those that are named: what they are "
        "and whether they fit the model. Nothing is loaded. Exit status 3 where one is not there, 2 where one that was "
        "named does not fit.",
        usage="acetui adapters [NAME or FILE ...] [--models DIR] [--dit NAME] [--json]",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="an adapter by name, a file, or a folder of PEFT's")
    add_models_flag(parser)
    parser.add_argument("--dit", metavar="NAME", help="which music model in it (default: the best there is)")
    add_output_flags(parser)


def add_bench(verbs: Verbs, name: str) -> None:
    """``acetui bench``."""
    parser = add_verb(
        verbs,
        name,
        "acetui.verbs.bench:run",
        "how fast this machine is, stage by stage",
        "Render the same recipe several times, cold and warm, and print a table that can be pasted. "
        "What it finds is kept, and estimates go by it.",
        usage="acetui bench [--seconds S] [--batch N] [--rounds N] [--steps N] [--models DIR] [--json]",
    )
    group = parser.add_argument_group("what is rendered")
    group.add_argument("--seconds", type=_SECONDS, default=20.0, metavar="S", help="of each take (default: 20)")
    group.add_argument("--batch", type=whole(1, 8), default=1, metavar="N", help="takes in a batch (default: 1)")
    group.add_argument("--rounds", type=whole(1, 20), default=3, metavar="N", help="warm batches (default: 3)")
    group.add_argument("--steps", type=whole(1, 200), metavar="N", help="steps (default: the model's own)")
    add_engine_flags(parser)
    add_output_flags(parser)


VERBS: dict[str, AddVerb] = {"models": add_models, "adapters": add_adapters, "doctor": add_doctor, "bench": add_bench}
