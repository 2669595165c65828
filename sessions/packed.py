"""A take as the index keeps it: small, and quick to read again, since pages of takes are read at every key press.

Most fields of a request are what they are by default; only the others are kept.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from engine.request import Request
from sessions.take import Take

DEFAULTS: Mapping[str, Any] = Request().to_dict()


def pack(take: Take) -> bytes:
    """The whole take but for ``stored``, which the index keeps apart, as it does the score that is valid."""
    fields = dict(vars(take))
    del fields["stored"]
    request = fields["request"]
    if request.keys() >= DEFAULTS.keys():
        # In a list, to tell it from a request that is whole. True is not 1 here, although Python says that it is.
        fields["request"] = [{name: value for name, value in request.items() if not _is_default(name, value)}]
    return zlib.compress(json.dumps(fields).encode("ascii"), 1)


def unpack(packed: bytes, stored: str, score: float | None) -> Take:
    """The take that was packed, with what is kept apart; raises zlib.error or ValueError for a damaged one."""
    if not isinstance(score, int | float | None):
        raise ValueError("the score of a take is damaged")
    fields = json.loads(zlib.decompress(packed)) | {"stored": stored, "score": score}
    if isinstance(fields["request"], list):
        fields["request"] = {**DEFAULTS, **fields["request"][0]}
    return Take.trusted(**fields)


def _is_default(name: str, value: Any) -> bool:
    default = DEFAULTS.get(name, ...)
    return type(value) is type(default) and value == default
