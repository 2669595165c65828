"""``python -m engine.testing PATH``: writes a random checkpoint set."""

from __future__ import annotations

import argparse

from engine.testing import SIZES, VARIANTS, make_checkpoint


def main() -> None:
    """Reads the command line and writes the set."""
    parser = argparse.ArgumentParser(prog="python -m engine.testing", description=__doc__)
    parser.add_argument("path", help="folder to write into")
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--variant", choices=VARIANTS, default="turbo")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", choices=("official", "diffusers"), default="official")
    parser.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), default="float32")
    parser.add_argument("--no-lm", dest="lm", action="store_false", help="leave the language model out")
    arguments = vars(parser.parse_args())
    print(make_checkpoint(arguments.pop("path"), **arguments))


if __name__ == "__main__":
    main()
