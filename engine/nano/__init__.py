"""acetui-nano, the model in the box: a small set in the official layout that comes with the package. No torch.

MODEL_CARD.md beside this file says what it is and is not, and how it was measured. ``tools/nano`` trains it.
"""

from pathlib import Path

FOLDER = Path(__file__).parent / "models"
"""A checkpoints folder like any other."""

NAME = "nano"
"""What ``--models`` and ``ACETUI_MODELS`` call it."""


def is_there() -> bool:
    """Whether the package came with its weights."""
    return (FOLDER / "vae" / "config.json").is_file()
