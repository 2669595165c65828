"""Scorers of other packages: found by their entry points, run as programs, counted where they have a weight."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InvalidRequest
from sessions.plugins import NoScore, installed, wanted
from sessions.store import Store
from sessions.tables import ScoreSettings
from tests.sessions.jamming import run, stage, state
from tests.sessions.takes import PLAIN

__all__ = ["state"]

SCORER = """
import json, sys
for line in sys.stdin:
    question = json.loads(line)
    caption = question["request"].get("caption", "")
    score = {"nan": float("nan"), "words": "good", "none": None}.get(caption, 0.25)
    print(json.dumps({"score": score}), flush=True)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with a scorer, installed as pip would."""
    folder = tmp_path / "site"
    about = folder / "songlike-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "songlike.py").write_text(SCORER)
    (about / "METADATA").write_text("Metadata-Version: 2.4\nName: songlike\nVersion: 1.0\nLicense-Expression: MIT\n")
    (about / "entry_points.txt").write_text("[acetui.scorers]\nsonglike = songlike\nother = songlike:main\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *sys.path]))


@pytest.mark.usefixtures("package")
def test_scorers_are_found_with_their_licence() -> None:
    found = {each.name: each for each in installed()}
    assert (found["songlike"].module, found["songlike"].package, found["songlike"].licence) == (
        "songlike",
        "songlike",
        "MIT",
    )
    assert found["other"].module == "songlike"
    plugins, missing = wanted({"songlike": 0.5, "gone": 0.1})
    assert [plugin.found.name for plugin in plugins] == ["songlike"]
    assert plugins[0].words() == "Takes are also scored by songlike, of the package songlike (MIT)."
    assert missing == ["There is no scorer gone here: no package that is installed has one."]
    assert wanted({}) == ([], [])


@pytest.mark.usefixtures("package")
def test_what_a_scorer_says_is_a_part_and_nonsense_is_refused() -> None:
    async def through() -> None:
        (plugin,), _ = wanted({"songlike": 0.5})
        try:
            assert await plugin(PLAIN.replace(request={"caption": "x"}), Path("a.flac")) == {
                "parts": {"songlike": 0.25}
            }
            assert await plugin(PLAIN.replace(request={"caption": "none"}), Path("a.flac")) == {}
            for caption in ("nan", "words"):
                with pytest.raises(NoScore, match="no score from 0 to 1"):
                    await plugin(PLAIN.replace(request={"caption": caption}), Path("a.flac"))
        finally:
            await plugin.close()

    asyncio.run(through())


@pytest.mark.usefixtures("package", "state")
def test_a_scorer_with_a_weight_counts(tmp_path: Path) -> None:
    parts = {"tempo": 1.0, "signal": 1.0}
    (tmp_path / "s").mkdir()
    made = stage(tmp_path / "s", plan={"parts": parts}, scores={"others": "songlike=0.5, gone=0.1"})

    async def through() -> Any:
        async with made.open() as jam:
            return await jam.run(headless=True, takes=1)

    run(through())
    assert made.told("Takes are also scored by songlike")
    assert made.told("There is no scorer gone here")
    with Store.open(made.folder) as store:
        assert store.get(1).parts == {**parts, "songlike": 0.25}
        assert store.get(1).score == 0.62  # (.25 + .25 + .5 x .25) / 1 = .625


@pytest.mark.parametrize(
    ("written", "kept"),
    [("", ""), (" a = 0.5 ,b=1", "a=0.5, b=1"), ("song.eval-2=.25,", "song.eval-2=0.25"), ("a=0", "a=0")],
)
def test_weights_of_others_are_read(written: str, kept: str) -> None:
    found = ScoreSettings(others=written)
    assert found.others == kept
    assert ScoreSettings.from_dict(found.to_dict()) == found
    assert set(found.own) >= {"signal", *found.weights_of_others}


@pytest.mark.parametrize("written", ["a", "a=2", "a=-1", "a b=1", "=1", "a=0.1;b=2", "a=nan"])
def test_what_is_no_weight_is_refused(written: str) -> None:
    with pytest.raises(InvalidRequest, match="names with weights"):
        ScoreSettings(others=written)
