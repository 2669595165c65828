"""The writer thread: what it tells, in which order, and what a take that cannot be written does to its job."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from engine import BadCheckpoint, Cancelled, RenderFailed, take_files
from engine.explaining import explain
from engine.protocol import TAKE_KEYS, Done, ErrorEvent, Loaded, Message, Output, Render, TakeEvent
from engine.writer import WAITING, Writer, Writing

OUTPUT = Output(".", "x-{index}")


@dataclass
class Take:
    layout: dict[str, int]


@dataclass
class Disk:
    """Where the takes of these tests go: it can be held, and refuse."""

    gate: threading.Event = field(default_factory=threading.Event)
    refuses: tuple[int, ...] = ()
    written: list[int] = field(default_factory=list)

    def write(self, take: Any, output: Output) -> dict[str, Any]:
        assert self.gate.wait(20)
        index = take.layout["index"]
        if index in self.refuses:
            raise RenderFailed("The disk is full.", "Free some space.")
        self.written.append(index)
        return {**dict.fromkeys(TAKE_KEYS), "timings": {}, "seed": index}


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    disk.gate.set()
    monkeypatch.setattr(take_files, "write_take", disk.write)
    return disk


class Told:
    """What the parent hears."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.ended: list[str] = []

    def __call__(self, message: Message, ended: str | None = None) -> None:
        self.messages.append(message)
        if ended:
            self.ended.append(ended)

    @property
    def words(self) -> list[str]:
        return [
            f"{m.type} {m.take['seed']}" if isinstance(m, TakeEvent) else f"{m.type} {getattr(m, 'id', '')}".strip()
            for m in self.messages
            if m.type != "progress"
        ]


def job(name: str) -> Writing:
    return Writing(Render(name, {}, OUTPUT))


def take(index: int) -> Any:
    return Take({"index": index, "size": 9, "lanes": 1})


def test_the_next_job_is_handed_over_while_the_first_is_written_and_the_order_is_kept(disk: Disk) -> None:
    disk.gate.clear()
    told, one, two = Told(), job("one"), job("two")
    with Writer(told, explain) as writer:
        writer.put(one, OUTPUT, take(0))
        writer.end(one, None)
        writer.put(two, OUTPUT, take(1))  # none of these waits for the disk
        assert told.words == []
        disk.gate.set()
        writer.end(two, Cancelled())
    assert told.words == ["take 0", "done one", "take 1", "error two"]
    assert told.ended == ["one", "two"]
    assert [m.summary["takes"] for m in told.messages if isinstance(m, Done)] == [1]
    assert "1" in str(told.messages[-1]) or "is kept" in str(told.messages[-1])


def test_the_end_waits_until_all_is_written(disk: Disk) -> None:
    disk.gate.clear()
    told, one = Told(), job("one")
    timer = threading.Timer(0.2, disk.gate.set)
    timer.start()
    with Writer(told, explain) as writer:
        writer.put(one, OUTPUT, take(0))
    assert told.words == ["take 0"]


def test_a_disk_that_is_too_slow_holds_the_renderer_back(disk: Disk) -> None:
    disk.gate.clear()
    told, one = Told(), job("one")
    with Writer(told, explain) as writer:
        for index in range(WAITING + 1):  # one at the disk
            writer.put(one, OUTPUT, take(index))
        late = threading.Thread(target=writer.put, args=(one, OUTPUT, take(9)))
        late.start()
        late.join(0.2)
        assert late.is_alive()
        disk.gate.set()
        late.join(20)
    assert disk.written == [*range(WAITING + 1), 9]


def test_a_take_that_cannot_be_written_ends_its_job_and_no_other(disk: Disk) -> None:
    disk.refuses = (1,)
    told, one, two = Told(), job("one"), job("two")
    with Writer(told, explain) as writer:
        for index in (0, 1, 2):
            writer.put(one, OUTPUT, take(index))
        writer.end(one, None)
        writer.put(two, OUTPUT, take(3))
        writer.end(two, None)
    assert told.words == ["take 0", "error one", "take 3", "done two"]
    assert disk.written == [0, 3]
    assert isinstance(one.failure, RenderFailed)
    (error,) = (m for m in told.messages if isinstance(m, ErrorEvent))
    assert (error.error, error.kind) == ("The disk is full.", "failed")


def test_other_ends_are_told_as_they_are(disk: Disk) -> None:
    told = Told()
    with Writer(told, explain) as writer:
        writer.end(job("load"), Loaded("load", {}, {}, 1.0))
        writer.end(job("gone"), BadCheckpoint("No model."))
    assert told.words == ["loaded load", "error gone"]
    assert isinstance(told.messages[-1], ErrorEvent)
    assert told.messages[-1].kind == "missing"
