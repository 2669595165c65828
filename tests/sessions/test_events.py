"""The event log: numbered, kept for a while, followed from any number on."""

from __future__ import annotations

import asyncio

from sessions.events import MISSED, EventLog


def kinds(events: object) -> list[str]:
    return [event.event for event in events]  # type: ignore[attr-defined]


def test_events_are_numbered_and_can_be_had_again() -> None:
    log = EventLog()
    for text in "abc":
        log.publish("notice", text=text)
    assert [event.id for event in log.after(0)] == [1, 2, 3]
    assert [event.object() for event in log.after(2)] == [{"event": "notice", "id": 3, "text": "c"}]
    assert log.after(3) == log.after(99) == []


def test_only_the_latest_progress_is_kept_and_pushes_nothing_out() -> None:
    log = EventLog(keep=4)
    log.publish("take", take={})
    for done in range(100):
        log.publish("progress", done=done)
    log.publish("notice", text="x")
    assert [(event.event, event.id) for event in log.after(0)] == [("take", 1), ("progress", 101), ("notice", 102)]


def test_who_was_away_too_long_is_told() -> None:
    log = EventLog(keep=3)
    for number in range(10):
        log.publish("notice", text=str(number))
    events = log.after(2)
    assert kinds(events) == [MISSED, "notice", "notice", "notice"]
    assert [event.id for event in events] == [7, 8, 9, 10]
    assert kinds(log.after(7)) == ["notice"] * 3


def test_several_follow_at_their_own_pace_from_where_they_want() -> None:
    async def conversation() -> None:
        log = EventLog()
        log.publish("notice", text="before")
        seen: dict[str, list[str]] = {"all": [], "new": [], "slow": []}

        async def follow(name: str, after: int | None, pause: float) -> None:
            async for event in log.follow(after):
                seen[name].append(event.data["text"])
                await asyncio.sleep(pause)

        tasks = [asyncio.create_task(follow(*each)) for each in (("all", 0, 0), ("new", None, 0), ("slow", 0, 0.01))]
        await asyncio.sleep(0)
        for text in "abc":
            log.publish("notice", text=text)
            await asyncio.sleep(0)
        log.publish("notice", text="last")
        log.close()
        await asyncio.gather(*tasks)
        assert seen["all"] == seen["slow"] == ["before", "a", "b", "c", "last"]
        assert seen["new"] == ["a", "b", "c", "last"]

    asyncio.run(conversation())


def test_who_waits_is_woken_by_the_end() -> None:
    async def conversation() -> list[object]:
        log = EventLog()

        async def all_of_it() -> list[object]:
            return [event async for event in log.follow()]

        task = asyncio.create_task(all_of_it())
        await asyncio.sleep(0)
        log.close()
        return await task

    assert asyncio.run(conversation()) == []
