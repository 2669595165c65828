"""``python -m acetui`` is ``acetui``."""

from __future__ import annotations

import sys

from acetui.cli import main

if __name__ == "__main__":
    sys.exit(main())
