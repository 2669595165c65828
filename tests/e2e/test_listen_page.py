"""The listen page in a real Chromium: heard, judged and followed, with the keyboard alone."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acetui.looks.colours import contrast
from sessions.api_listen import page_files
from tests.e2e.browser import Browser, Watched, page_of, served
from tests.e2e.tmux import Tmux
from tests.sessions.jamming import ROOT, state

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    started = Browser()
    yield started
    started.close()


ROWS = "document.querySelectorAll('.row').length"


async def picture(page: Watched, name: str) -> None:
    """A picture to look at, where somebody wants pictures."""
    if folder := os.environ.get("ACETUI_PAGE_PICTURES"):
        await page.page.screenshot(path=Path(folder) / f"{name}.png")


def test_takes_are_heard_and_judged_with_the_keyboard_alone(tmp_path: Path, browser: Browser) -> None:
    browser.run(takes_are_heard_and_judged_with_the_keyboard_alone(tmp_path, browser))


async def takes_are_heard_and_judged_with_the_keyboard_alone(tmp_path: Path, browser: Browser) -> None:
    recipe = {"caption": "Neon drive, slow", "lyrics": "[Verse]\nHeadlights <b>bend</b>", "duration": 12}
    async with (
        served(tmp_path, recipe=recipe) as studio,
        page_of(browser, studio.address, color_scheme="dark") as page,
    ):
        keys = page.page.keyboard
        await page.wait(f"{ROWS} === 3")
        assert studio.token not in page.page.url
        (cookie,) = await page.page.context.cookies()
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Strict"
        assert studio.token not in str(cookie)
        assert await page.page.text_content("#title") == "3  neon drive"
        assert "Headlights <b>bend</b>" in str(await page.page.text_content("#lyrics"))

        await keys.press("j")
        await page.wait("document.activeElement.matches('.row.here .take')")
        assert "2  neon" in str(await page.page.text_content("#title"))
        await keys.press("Space")
        await page.playing(2)
        assert (206, "api/takes/" + studio.studio.store.get(2).id + "/audio") in page.answers
        await keys.press(">")
        assert await page.second() > 9
        await page.wait("document.getElementById('second').textContent.startsWith('0:')")
        await keys.press("Space")
        await page.playing(None)
        before = await page.second()
        await keys.press("<")
        assert await page.second() < before - 5

        await keys.press("l")
        await page.wait("document.querySelector('.row.here .liked').getAttribute('aria-pressed') === 'true'")
        assert studio.studio.store.get(2).liked
        await keys.press("x")
        await page.wait("document.querySelector('.row.here').classList.contains('rejected')")
        assert studio.studio.store.get(2).rejected
        await keys.press("X")
        await keys.press("p")
        await page.wait("document.querySelector('.row.here .mark').textContent === '★'")
        assert studio.studio.store.get(2).pinned
        assert "pinned" in str(await page.page.text_content("#said"))

        await keys.press("/")
        await keys.type("pinned")
        await page.wait(f"{ROWS} === 1")
        await keys.type(" and (")
        await page.wait("document.getElementById('filter').getAttribute('aria-invalid') === 'true'")
        await page.page.fill("#filter", "")
        await page.wait(f"{ROWS} === 3")
        await keys.press("Escape")
        await page.wait("document.activeElement.matches('.row.here .take')")
        await keys.press("?")
        await page.wait("document.getElementById('keys').open")
        await keys.press("Escape")
        await keys.press("Tab")
        await page.wait("document.activeElement.matches('.row.here .verdict')")
        await picture(page, "dark")
        nameless = "[...document.querySelectorAll('button, input, [role=slider], select')].filter(each => "
        nameless += "!(each.getAttribute('aria-label') || each.labels?.length || each.textContent.trim()))"
        assert await page.page.evaluate(f"{nameless}.map(each => each.id)") == []


def test_nobody_gets_in_without_the_token(tmp_path: Path, browser: Browser) -> None:
    browser.run(nobody_gets_in_without_the_token(tmp_path, browser))


async def nobody_gets_in_without_the_token(tmp_path: Path, browser: Browser) -> None:
    async with served(tmp_path, takes=1) as studio:
        async with page_of(browser, studio.url) as page:
            await page.wait("document.getElementById('door').open")
            assert await page.page.evaluate(ROWS) == 0
            for token in ("wrong", studio.token + "x"):
                await page.page.fill("#token", token)
                await page.page.keyboard.press("Enter")
                await page.wait("document.getElementById('door-trouble').textContent.includes('not this')")
            await page.page.fill("#token", studio.token)
            await page.page.keyboard.press("Enter")
            await page.wait(f"{ROWS} === 1")
            await page.page.reload()
            await page.wait(f"{ROWS} === 1")  # the cookie is enough from now on
        async with page_of(browser, studio.url) as other:
            await other.wait("document.getElementById('door').open")


def test_two_pages_are_the_loudspeakers_of_a_terminal_without_sound(tmp_path: Path, browser: Browser) -> None:
    browser.run(two_pages_are_the_loudspeakers_of_a_terminal_without_sound(tmp_path, browser))


async def two_pages_are_the_loudspeakers_of_a_terminal_without_sound(tmp_path: Path, browser: Browser) -> None:
    async with served(tmp_path) as studio:
        async with page_of(browser, studio.address) as one, page_of(browser, studio.address) as other:
            for page in (one, other):
                await page.wait(f"{ROWS} === 3")
            following = studio.studio.following

            async def tell(**shown: object) -> None:
                from sessions.following import Shown

                following.tell(Shown("terminal-1", **shown))  # type: ignore[arg-type]

            while following.now()["pages"] < 2:
                await asyncio.sleep(0.01)
            await tell(selected=2, take=2, second=4.0, playing=True)
            for page in (one, other):
                await page.playing(2)
                async with asyncio.timeout(20):
                    while abs(await page.second() - following.now()["second"]) > 0.6:
                        await asyncio.sleep(0.05)
                assert "2  neon" in str(await page.page.text_content("#title"))
            await tell(selected=1, take=2, second=9.0, playing=True)
            for page in (one, other):
                await page.wait("document.getElementById('title').textContent.startsWith('1')")
                await page.wait("document.getElementById('audio').currentTime > 8.5")
            await tell(selected=1, take=2, second=3.0)
            for page in (one, other):
                await page.playing(None)
                assert abs(await page.second() - 3.0) < 0.2
            await tell(selected=3, take=3, second=1.0, playing=True, sounds=True)  # heard where the terminal is
            await one.wait("document.getElementById('title').textContent.startsWith('3')")
            await one.playing(None)
            await one.page.keyboard.press("l")
            await other.wait("document.querySelector('[aria-label=\"Like take 3\"]').ariaPressed === 'true'")

            await other.page.keyboard.press("f")
            await tell(selected=2, take=2, second=0.0, playing=True)
            await one.playing(2)
            assert await other.page.text_content("#title") == "3  neon drive"
            await studio.render(1)
            for page in (one, other):
                await page.wait(f"{ROWS} === 4")
        while following.now()["pages"]:
            await asyncio.sleep(0.01)


STRICT = """
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  return window.touched ? play.call(this) : Promise.reject(new DOMException("not yet", "NotAllowedError"));
};
addEventListener("pointerdown", () => { window.touched = true; });
"""
"""What browsers on phones do; the headless one plays to nobody without a question."""


def test_space_in_a_terminal_without_sound_is_heard_in_the_browser(tmp_path: Path, browser: Browser) -> None:
    if not Tmux.there():
        pytest.skip("tmux is not installed")
    browser.run(space_is_heard_in_the_browser(tmp_path, browser))


async def space_is_heard_in_the_browser(tmp_path: Path, browser: Browser) -> None:
    around = {**os.environ, "PYTHONPATH": str(ROOT), "ACETUI_OUTPUT": "page", "ACETUI_CONFIG": str(tmp_path / "config")}
    async with served(tmp_path) as studio, page_of(browser, studio.address) as page:
        await page.wait(f"{ROWS} === 3")
        with Tmux(tmp_path, around) as tmux:
            command = (sys.executable, "-m", "acetui", str(studio.made.folder))
            window = await asyncio.to_thread(tmux.open, "here", *command, columns=120, rows=30)
            await asyncio.to_thread(window.sees, "takes · 3")
            window.press("j", "j")
            await page.wait("document.getElementById('title').textContent.startsWith('1')")
            window.press("Space")
            await page.playing(1)
            await asyncio.to_thread(window.sees, "► 0:0")
            window.press("l")
            await page.wait("document.querySelector('#verdicts .liked').ariaPressed === 'true'")
            window.press("Space")
            await page.playing(None)
            window.press("k", "Space")
            await page.playing(2)
            await page.page.keyboard.press("p")
            await asyncio.to_thread(window.sees, "★")


def test_a_browser_that_wants_to_be_touched_first_says_so(tmp_path: Path, browser: Browser) -> None:
    browser.run(a_browser_that_wants_to_be_touched_first_says_so(tmp_path, browser))


async def a_browser_that_wants_to_be_touched_first_says_so(tmp_path: Path, browser: Browser) -> None:
    from sessions.following import Shown

    async with (
        served(tmp_path, takes=1) as studio,
        page_of(browser, studio.address, STRICT) as page,
    ):
        await page.page.locator(".row").wait_for()
        studio.studio.following.tell(Shown("terminal-1", selected=1, take=1, second=2.0, playing=True))
        await page.page.locator("#unlock").wait_for()
        await page.page.click("#unlock")
        await page.playing(1)
        assert await page.second() > 2.0
        assert not await page.page.is_visible("#unlock")


def test_a_phone_in_daylight_and_a_line_that_breaks(tmp_path: Path, browser: Browser) -> None:
    browser.run(a_phone_in_daylight_and_a_line_that_breaks(tmp_path, browser))


async def a_phone_in_daylight_and_a_line_that_breaks(tmp_path: Path, browser: Browser) -> None:
    phone = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True, "color_scheme": "light"}
    async with (
        served(tmp_path) as studio,
        page_of(browser, studio.address, **phone) as page,
    ):
        await page.wait(f"{ROWS} === 3")
        await page.page.tap(".row:nth-child(2) .take")
        await page.playing(2)
        box = await page.page.locator("#place").bounding_box()
        await page.page.touchscreen.tap(box["x"] + 0.75 * box["width"], box["y"] + 5)
        assert abs(await page.second() - 9.0) < 0.7
        await picture(page, "phone")
        assert await page.page.evaluate("document.documentElement.scrollWidth") <= 390
        narrow = (
            "[...document.querySelectorAll('.row.here .take, #controls button')].map(b => b.getBoundingClientRect())"
        )
        assert await page.page.evaluate(f"Math.min(...{narrow}.map(each => each.height))") >= 40
        await page.page.tap("#verdicts .liked")
        await page.wait("document.querySelector('.row.here .mark').textContent !== ''")
        studio.studio.events.close()
        await page.wait("document.getElementById('line').textContent.includes('line to the studio is lost')")


@pytest.mark.parametrize("light", [False, True])
def test_what_is_written_can_be_read(light: bool) -> None:
    css = page_files()["page.css"][1].decode()
    dark, _, rest = css.partition("@media (prefers-color-scheme: light)")
    part = rest.partition("@media")[0] if light else dark
    colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", part))
    for name in ("text", "quiet", "accent", "trouble", "pin", "like", "reject"):
        for ground in ("ground", "raised"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    assert contrast(colours["text"], colours["here"]) >= 4.5
    for name in ("wave", "played", "head"):
        assert contrast(colours[name], colours["raised"]) >= (1.8 if name == "wave" else 3), name
