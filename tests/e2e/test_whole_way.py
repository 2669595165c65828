"""From a caption to ranked takes, a part made anew and a file, on the model in the box: three ways, all of it real."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import numpy as np
import soundfile

from benchmarks.places import NAME, Place
from engine.tags import read_tags
from tests.e2e.browser import Browser, Watched, page_of
from tests.e2e.tmux import Tmux

pytestmark = pytest.mark.timeout(400)

CAPTION = "upbeat house, 120 bpm"
SECONDS = 10.0
SETTINGS = {
    "recipe": {"duration": SECONDS, "bpm": 120, "inference_steps": 4, "batch_size": 2},
    "loop": {"free_space_floor_gb": 0.0, "unheard_ceiling": 0, "faulty_before_parking": 0},
    "models": {"models": "nano", "device": "cpu", "threads": 1},
}
PART = (4.0, 6.0)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A session that nothing was made in yet."""
    with Place(tmp_path, settings=SETTINGS) as made:
        yield made


def said(place: Place, *arguments: str) -> list[dict[str, Any]]:
    """What a verb prints for programs."""
    done = place.acetui(*arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def ranked(place: Place) -> list[dict[str, Any]]:
    """The takes, the best first; all have been heard by then."""
    takes = said(place, "takes", NAME, "--sort", "-score,number")
    scores = [take["score"] for take in takes]
    assert all(score is not None for score in scores), takes
    assert scores == sorted(scores, reverse=True)
    return takes


def check_part(place: Place, child: dict[str, Any], parent: dict[str, Any]) -> None:
    """Whether a take is another but for the samples of a part, and is exactly that one outside it."""
    assert child["parent"] == parent["id"]
    was, rate = soundfile.read(place.session / parent["files"]["audio"])
    new, _ = soundfile.read(place.session / child["files"]["audio"])
    assert was.shape == new.shape == (round(SECONDS * rate), 2)
    start, end = (round(second * rate) for second in PART)
    np.testing.assert_array_equal(new[:start], was[:start])
    np.testing.assert_array_equal(new[end:], was[end:])
    assert np.abs(new[start:end] - was[start:end]).max() > 0.01


def check_file(file: Path, take: dict[str, Any]) -> None:
    """Whether a file holds the sound of a take, and says what it was made from: the words as its plan has them."""
    sound, rate = soundfile.read(file)
    assert (len(sound), rate) == (round(SECONDS * 48_000), 48_000)
    assert np.abs(sound).max() > 0.1
    tags = read_tags(file)
    assert "house" in tags["comment"].lower(), take["number"]
    assert tags["bpm"] == "120"


def test_without_a_screen(place: Place) -> None:
    said(place, "jam", NAME, "--takes", "4", "--caption", CAPTION)
    best = ranked(place)[0]
    part = ("--repainting-start", str(PART[0]), "--repainting-end", str(PART[1]))
    said(place, "repaint", NAME, "best", *part)
    children = [take for take in ranked(place) if take["parent"]]
    assert [child["number"] for child in children] == [5]
    check_part(place, children[0], best)
    said(place, "export", NAME, "5", "-o", str(place.folder / "out"))
    (file,) = (place.folder / "out").glob("*.flac")
    check_file(file, children[0])


@pytest.mark.skipif(not Tmux.there(), reason="tmux is not installed")
def test_in_the_terminal(place: Place, tmp_path: Path) -> None:
    with Tmux(tmp_path, place.surroundings) as tmux:
        window = tmux.open("day", sys.executable, "-m", "acetui", NAME, columns=120, rows=40)
        window.sees("takes", "rev ")
        window.press("F2")
        window.type(CAPTION)
        window.sees(CAPTION)
        window.press("C-g")
        window.press("F5")
        window.until(lambda text: "takes · 2" in text, "two takes", 150)
        window.press("s")
        window.type("score")
        window.press("Enter")
        window.sees("takes · 2 · best first")
        window.press("g", "g", "r")
        window.sees("a part anew", "none yet")
        window.press("r")
        window.until(lambda text: "2 so far" in text, "candidates of a part", 120)
        window.press("Escape")
        window.until(lambda text: "takes · 4" in text, "the list with the candidates in it")
        window.press("E", "Enter")
        window.until(lambda _: list((place.session / "exports").glob("*.flac")), "the file")
        window.press("Q")
        window.until(lambda _: window.ended, "the end")
    children = [take for take in ranked(place) if take["parent"]]
    assert len(children) == 2
    (file,) = (place.session / "exports").glob("*.flac")
    check_file(file, children[0])


@pytest.fixture
def browser() -> Iterator[Browser]:
    started = Browser()
    yield started
    started.close()


def test_through_the_page(place: Place, browser: Browser) -> None:
    (where,) = said(place, "listen", NAME)
    browser.run(through_the_page(place, browser, where["url"]))


ASKS = """async ([path, body]) => {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  return [answer.status, await answer.text()];
}"""
ROWS = "document.querySelectorAll('.row').length"
SCORES = "[...document.querySelectorAll('.row .score')].map(each => each.textContent)"


async def through_the_page(place: Place, browser: Browser, address: str) -> None:
    async with page_of(browser, address, accept_downloads=True) as page:
        keys = page.page.keyboard
        await page.wait("document.getElementById('name').textContent !== 'acetui'")
        await ask(page, "/api/render", {"recipe": {"caption": CAPTION}, "wait": True})
        await page.wait(f"{ROWS} === 2 && {SCORES}.every(each => each)")
        await page.page.select_option("#sort", "-score")
        await page.wait(f"{SCORES}[0] >= {SCORES}[1]")
        await page.page.focus("#takes")
        await keys.press("g")
        await keys.press("p")
        await page.wait("document.querySelector('.row.here .mark').textContent === '★'")
        (best,) = [take for take in ranked(place) if take["pinned"]]
        part = {"repainting_start": PART[0], "repainting_end": PART[1]}
        await ask(page, f"/api/takes/{best['number']}/repaint", {**part, "wait": True})
        await page.wait(f"{ROWS} === 3 && {SCORES}.every(each => each)")
        await page.page.fill("#filter", "operation=repaint")
        await page.wait(f"{ROWS} === 1")
        await page.page.click(".row .take")
        await page.wait("document.getElementById('title').textContent.startsWith('3 ')")
        async with page.page.expect_download() as saved:
            await keys.press("d")
        file = place.folder / (await saved.value).suggested_filename
        await (await saved.value).save_as(file)
    (child,) = [take for take in ranked(place) if take["parent"]]
    assert file.name == f"0003 {child['name']}.flac"
    check_part(place, child, best)
    check_file(file, child)


async def ask(page: Watched, path: str, body: dict[str, Any]) -> Any:
    """What the studio answers a page that asks for something."""
    status, text = await page.page.evaluate(ASKS, [path, body])
    assert status < 300, text
    return json.loads(text)
