"""The watcher, with real files and the ways in which editors save them."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sessions.errors import BadSessionFile, MissingSession
from sessions.places import SESSION_FILE
from sessions.watch import Broken, Saved, Watcher

FIRST = "[recipe]\nbpm = 96\n"
SECOND = "[recipe]\nbpm = 104\n"
BROKEN = "[recipe]\nbpm = \n"

EVERY, SETTLED, PATIENCE = 0.01, 0.06, 0.2

Save = Callable[[Path], Awaitable[None]]


async def seen(session: Path, save: Save, edits: int, known: str | None = FIRST) -> list[Saved | Broken]:
    """What a watcher tells of while ``save`` runs, until it has told of ``edits``, and for a while after."""
    found: list[Saved | Broken] = []

    async def collect() -> None:
        watcher = Watcher(session, seen=known, every=EVERY, settled=SETTLED, patience=PATIENCE)
        async for change in watcher.changes():
            found.append(change)

    task = asyncio.create_task(collect())
    await asyncio.sleep(0.05)
    await save(session / SESSION_FILE)
    for _ in range(500):
        await asyncio.sleep(EVERY)
        if len(found) >= edits:
            break
    await asyncio.sleep(3 * SETTLED)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return found


@pytest.fixture
def session(tmp_path: Path) -> Path:
    (tmp_path / SESSION_FILE).write_text(FIRST)
    return tmp_path


def texts(found: list[Saved | Broken]) -> list[str]:
    return [change.text if isinstance(change, Saved) else type(change.error).__name__ for change in found]


async def overwrite(path: Path) -> None:
    path.write_text(SECOND)


async def rename_over(path: Path) -> None:
    (path.parent / "new").write_text(SECOND)
    os.replace(path.parent / "new", path)


async def rename_over_with_the_old_time(path: Path) -> None:
    # As `cp -p` and rsync do; the size is the same too.
    (path.parent / "new").write_text(FIRST.replace("96", "97"))
    shutil.copystat(path, path.parent / "new")
    os.replace(path.parent / "new", path)


async def truncate_then_write(path: Path) -> None:
    with open(path, "w") as file:
        await asyncio.sleep(0.1)
        file.write(SECOND)


async def write_in_two_steps(path: Path) -> None:
    with open(path, "w") as file:
        file.write(SECOND[:-6])
        file.flush()
        await asyncio.sleep(0.02)
        file.write(SECOND[-6:])


async def delete_then_create(path: Path) -> None:
    path.unlink()
    await asyncio.sleep(0.1)
    path.write_text(SECOND)


async def move_away_then_write(path: Path) -> None:
    os.replace(path, path.with_name("session.toml~"))
    path.write_text(SECOND)


@pytest.mark.parametrize(
    "save",
    [
        overwrite,
        rename_over,
        truncate_then_write,
        write_in_two_steps,
        delete_then_create,
        move_away_then_write,
    ],
)
def test_every_way_to_save_is_one_edit(session: Path, save: Save) -> None:
    found = asyncio.run(seen(session, save, 1))
    assert texts(found) == [SECOND]
    assert isinstance(found[0], Saved)
    assert found[0].settings.recipe.template == {"bpm": 104}


def test_a_save_that_keeps_time_and_size_is_seen(session: Path) -> None:
    assert texts(asyncio.run(seen(session, rename_over_with_the_old_time, 1))) == [FIRST.replace("96", "97")]


def test_saving_the_same_again_is_no_edit(session: Path) -> None:
    async def touch(path: Path) -> None:
        path.write_text(FIRST)
        os.utime(path, (1, 1))

    assert asyncio.run(seen(session, touch, 0)) == []


def test_a_file_that_is_not_known_yet_is_told_of(session: Path) -> None:
    async def nothing(path: Path) -> None:
        pass

    assert texts(asyncio.run(seen(session, nothing, 1, known=None))) == [FIRST]
    assert texts(asyncio.run(seen(session, nothing, 1, known=SECOND))) == [FIRST]


def test_a_broken_edit_is_told_once_with_its_place_and_mending_it_too(session: Path) -> None:
    async def break_and_mend(path: Path) -> None:
        path.write_text(BROKEN)
        await asyncio.sleep(0.3)
        path.write_text(FIRST)

    found = asyncio.run(seen(session, break_and_mend, 2))
    assert texts(found) == ["BadSessionFile", FIRST]
    assert isinstance(found[0], Broken)
    assert isinstance(found[0].error, BadSessionFile)
    assert (found[0].error.line, found[0].error.column) == (2, 7)


def test_a_file_that_is_gone_is_told_once_and_its_return_too(session: Path) -> None:
    async def away_and_back(path: Path) -> None:
        path.rename(path.with_name("elsewhere"))
        await asyncio.sleep(PATIENCE + 0.3)
        path.with_name("elsewhere").rename(path)

    found = asyncio.run(seen(session, away_and_back, 2))
    assert texts(found) == ["MissingSession", FIRST]
    assert isinstance(found[0], Broken)
    assert isinstance(found[0].error, MissingSession)


def test_bytes_that_are_no_text_are_a_broken_edit(session: Path) -> None:
    async def wrong_encoding(path: Path) -> None:
        path.write_bytes("[recipe]\ncaption = 'é'\n".encode("utf-16"))

    assert texts(asyncio.run(seen(session, wrong_encoding, 1))) == ["BadSessionFile"]


def test_quick_edits_are_told_in_order_and_the_last_always(session: Path) -> None:
    async def many(path: Path) -> None:
        for bpm in range(100, 140):
            path.write_text(f"[recipe]\nbpm = {bpm}\n")
            await asyncio.sleep(0.005)

    found = texts(asyncio.run(seen(session, many, 1)))
    assert found[-1] == "[recipe]\nbpm = 139\n"
    assert found == sorted(found)
