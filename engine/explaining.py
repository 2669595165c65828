"""Any failure of the engine as one for people. No torch: its errors are told by their names and words."""

from __future__ import annotations

import traceback

from engine.errors import EngineError, OutOfMemory, RenderFailed

_NO_MEMORY = ("can't allocate memory", "out of memory")
"""How torch says it on CPU and, for some kernels, on CUDA."""


def explain(error: Exception) -> EngineError:
    """Any failure as a sentence and a hint. The traceback of an unexpected one goes to the log."""
    if isinstance(error, EngineError):
        return error
    traceback.print_exception(error)
    if out_of_memory(error):
        return OutOfMemory()
    return RenderFailed("The engine failed unexpectedly.", "The log has the details; run again with --debug to see it.")


def out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, on whichever device. torch has a class of its own on CUDA, and only words on CPU."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"MemoryError", "OutOfMemoryError"}) or any(words in str(error) for words in _NO_MEMORY)


_BROKEN = (
    *("illegal memory access", "device-side assert", "unspecified launch failure", "launch timed out"),
    *("misaligned address", "illegal instruction", "invalid program counter", "uncorrectable ECC", "hardware stack"),
)
"""What a card says after which nothing more can be computed there by the same process."""


def broken_card(error: Exception) -> str:
    """A sentence where a card has failed in a way that this process does not survive; empty for everything else."""
    said = next((words for words in _BROKEN if words in str(error)), "")
    if not said or "AcceleratorError" not in {kind.__name__ for kind in type(error).__mro__}:
        return ""
    return f"The card has failed ({said}), and the engine with it."
