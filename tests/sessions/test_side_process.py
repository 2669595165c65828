"""A small program beside the studio: started once, ended when nobody asks, and no trouble however it fails."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from sessions import side_process
from sessions.side_process import NoAnswer, NoLibraries, SideProcess
from tests.sessions.jamming import run

ASK: dict[str, Any] = {"about": "half a character: \ud800"}


def script(*lines: str) -> tuple[str, ...]:
    return (sys.executable, "-c", "\n".join(("import json, os, sys, time", *lines)))


PID = script("for line in sys.stdin: print(json.dumps({'pid': os.getpid(), **json.loads(line)}), flush=True)")


def test_the_process_is_started_once_and_goes_when_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_process, "IDLE_SECONDS", 0.2)

    async def act() -> None:
        side = SideProcess(PID)
        assert not side.running
        first, second = await asyncio.gather(side.ask(ASK), side.ask({}))
        assert first == {**second, **ASK}
        while side.running:
            await asyncio.sleep(0.01)
        assert (await side.ask(ASK))["pid"] != first["pid"]
        await side.close()
        assert not side.running
        await side.close()

    run(act())


@pytest.mark.parametrize(
    "lines",
    [
        ["raise SystemExit(1)"],
        ["os.kill(os.getpid(), 9)"],
        ["print('nonsense', flush=True)", "sys.stdin.read()"],
        ["time.sleep(60)"],
        ["sys.stdin.readline()", "print('{', end='', flush=True)", "raise SystemExit(0)"],
    ],
)
def test_a_program_that_fails_is_started_again(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_process, "ANSWER_SECONDS", 2.0)

    async def act() -> None:
        side = SideProcess(script(*lines))
        for _ in range(2):
            with pytest.raises(NoAnswer) as refusal:
                await side.ask(ASK)
            assert not isinstance(refusal.value, NoLibraries)
            assert not side.running
        await side.close()

    run(act())


def test_libraries_that_are_missing_are_found_out_once(tmp_path: Any) -> None:
    async def act() -> None:
        side = SideProcess(script(f"open({str(tmp_path / 'starts')!r}, 'a').write('x')", "raise SystemExit(3)"))
        for _ in range(3):
            with pytest.raises(NoLibraries):
                await side.ask(ASK)
        assert (tmp_path / "starts").read_text() == "x"

    run(act())


def test_a_question_that_is_given_up_does_not_answer_the_next_one() -> None:
    slow = script("for line in sys.stdin:", "    time.sleep(0.3)", "    print(line, flush=True)")

    async def act() -> None:
        side = SideProcess(slow)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await side.ask({"number": 1})
        assert not side.running
        assert await side.ask({"number": 2}) == {"number": 2}
        await side.close()

    run(act())
