"""docs/session.md says what there is."""

from __future__ import annotations

import re
from pathlib import Path

from sessions.presets import PRESETS
from sessions.recipe import parse
from sessions.settings import BESIDE

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "session.md").read_text(encoding="utf-8")


def test_the_example_is_a_session() -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.M | re.S)
    settings = parse(example)
    assert settings.loop.takes == 50
    assert settings.recipe.grid.size == 2


def test_every_key_and_every_preset_is_explained() -> None:
    named = set(re.findall(r"`([a-z_]+)`", PAGE))
    for table in BESIDE.values():
        assert set(table.fields()) <= named
    assert set(PRESETS) <= named


def test_defaults_of_the_loop_are_those_of_the_page() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| ([^|]+) \|", PAGE, re.M))
    for name, field in BESIDE["loop"].fields().items():
        if field.default is not None:
            assert rows[name].strip('`"') == str(field.default).lower().removesuffix(".0"), name
