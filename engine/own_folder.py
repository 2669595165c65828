"""Where a person's own models and sessions are kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

ARRIVING = ".arriving"
"""In a folder of models: what is being downloaded, until it is whole."""


def data_folder(env: Mapping[str, str] | None = None) -> Path:
    """The user's data folder: ``ACETUI_DATA``, else the platform's place for data."""
    env = os.environ if env is None else env
    if env.get("ACETUI_DATA"):
        return Path(env["ACETUI_DATA"]).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "acetui"
    return Path(env.get("XDG_DATA_HOME") or Path.home() / ".local" / "share").expanduser() / "acetui"
