"""How many tokens texts have: ``python -m engine.token_counts`` answers a JSON line for each that it reads.

A process of its own, so that whoever asks needs no tokenizer library. A question is ``{"tokenizer": FILE, "texts":
[...]}``, its answer ``{"counts": [...]}``, or ``{"error": sentence}`` where the file is no tokenizer. It ends with its
input.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from engine.answering import serve

Count = Callable[[str], int]


def answer(question: dict[str, Any], counter: Callable[[str], Count]) -> dict[str, Any]:
    """The answer to a question; ``counter`` opens a tokenizer file, and raises whatever it likes."""
    try:
        count = counter(question["tokenizer"])
        return {"counts": [count(text) for text in question["texts"]]}
    except Exception:  # the library raises plain ones; what the file holds is a stranger's
        return {"error": "The tokenizer of the text encoder cannot be used."}


@lru_cache(1)
def _opened(path: str, looks: tuple[int, int]) -> Count:
    """The counter of a file that looks so."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_truncation()  # what is over the limit is to be counted too
    return lambda text: len(tokenizer.encode(text).ids)


def opened(path: str) -> Count:
    """The counter of a tokenizer file, kept until another one is asked for."""
    found = os.stat(path)
    return _opened(path, (found.st_mtime_ns, found.st_size))


def main() -> int:
    """Answers until nobody asks any more."""
    return serve(lambda question: answer(question, opened), "tokenizers")


if __name__ == "__main__":
    sys.exit(main())
