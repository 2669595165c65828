"""The outline of an audio file for drawing: ``python -m engine.peaks FILE`` prints it as JSON.

A process of its own, so that whoever asks needs no library that decodes audio; a file is read in pieces.
"""

from __future__ import annotations

import json
import sys

COLUMNS = 1000
"""Into how many equal stretches a file is divided, at most; a shorter one has a column for every frame."""

NO_LIBRARIES = 3
"""The exit status where what decodes audio is not installed; 1 is a file that cannot be decoded."""

_FRAMES = 1 << 15


def outline(path: str) -> dict[str, object]:
    """``seconds``, and for every column the lowest (``low``) and highest (``high``) sample of all channels, -1 to 1.

    Raises ImportError where the libraries are missing, and what soundfile raises for a file that it cannot read.
    """
    import numpy as np
    import soundfile

    with soundfile.SoundFile(path) as file:
        frames = max(file.frames, 0)
        columns = min(COLUMNS, frames)
        low, high = np.zeros(columns), np.zeros(columns)
        done = 0
        while columns and len(piece := file.read(_FRAMES, dtype="float32", always_2d=True)):
            column = np.minimum((done + np.arange(len(piece))) * columns // frames, columns - 1)
            np.minimum.at(low, column, piece.min(axis=1))
            np.maximum.at(high, column, piece.max(axis=1))
            done += len(piece)
        rounded = [np.clip(each, -1, 1).round(3).tolist() for each in (low, high)]
        return {"seconds": frames / file.samplerate, "low": rounded[0], "high": rounded[1]}


def main() -> int:
    """Prints the outline of the file on the command line."""
    try:
        print(json.dumps(outline(sys.argv[1]), allow_nan=False))
    except ImportError:
        return NO_LIBRARIES
    except (OSError, RuntimeError, ValueError):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
