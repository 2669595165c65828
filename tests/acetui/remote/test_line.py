"""Where the sockets of a line are: a deep folder for temporary files is no place for them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from acetui.remote.line import LONGEST, Line


@pytest.mark.parametrize("deep", ["short", "deep/" * 20])
def test_sockets_have_short_names_however_deep_temporary_files_lie(
    deep: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / deep
    folder.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    line = Line("box", None)
    try:
        assert len(str(line._folder)) < LONGEST + len("/acetui-12345678") + 1
        assert line._folder.is_dir()
    finally:
        line._folder.rmdir()
