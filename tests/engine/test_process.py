"""The parent's end of the engine process, against scripted doubles of the protocol that misbehave on purpose."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engine import BadCheckpoint, Cancelled, EngineError
from engine.process import EngineDied, EngineProcess
from engine.protocol import Done, Output, ProtocolError

HELLO = '{"type": "hello", "protocol": 4, "engine": "double", "version": "0", "pid": 1, "capabilities": []}'
OUTPUT = Output(".", "take")

PREAMBLE = f"""
import json, os, signal, sys, time
def say(**message): print(json.dumps(message), flush=True)
def hear(): return json.loads(sys.stdin.readline() or '{{"type": "gone"}}')
def greet(): print({HELLO!r}, flush=True)
"""

Act = Callable[[EngineProcess], Awaitable[Any]]


def drive(script: str, act: Act | None = None, *, log: io.BytesIO | None = None, hello_within: float = 20) -> Any:
    """Runs ``act`` against a double that runs ``script``."""

    async def conversation() -> Any:
        command = (sys.executable, "-c", PREAMBLE + script)
        async with EngineProcess.start(command=command, log=log, hello_within=hello_within) as engine:
            return await act(engine) if act else None

    return asyncio.run(conversation())


async def render_all(engine: EngineProcess) -> list[Any]:
    return [event async for event in engine.render({"caption": "x" * 200_000}, OUTPUT)]


def test_events_of_a_render_come_in_order_and_long_lines_pass() -> None:
    script = """
greet()
job = hear()
assert len(job["request"]["caption"]) == 200_000
say(type="notice", id=job["id"], text="n" * 200_000)
say(type="progress", id=job["id"], stage="sampling", done=1, total=8, take=None)
say(type="progress", id="somebody else's", stage="sampling", done=1, total=8, take=None)
say(type="done", id=job["id"], summary={"takes": 0})
hear()
"""
    events = drive(script, render_all)
    assert [event.type for event in events] == ["notice", "progress", "done"]
    assert events[-1] == Done(events[-1].id, {"takes": 0})


def test_an_error_event_is_raised_as_what_it_was() -> None:
    script = """
greet()
job = hear()
say(type="error", id=job["id"], error="No model.", hint="Get one.", kind="missing")
hear()
"""
    with pytest.raises(BadCheckpoint, match=r"No model\. Get one\."):
        drive(script, lambda engine: engine.load(dit="nothing"))


def test_leaving_a_render_early_cancels_it() -> None:
    script = """
greet()
job = hear()
say(type="progress", id=job["id"], stage="sampling", done=1, total=8)
assert hear() == {"type": "cancel", "id": job["id"]}
print("was cancelled", file=sys.stderr)
"""

    async def leave(engine: EngineProcess) -> None:
        events = engine.render({}, OUTPUT)
        await anext(events)
        await events.aclose()

    log = io.BytesIO()
    drive(script, leave, log=log)
    assert b"was cancelled" in log.getvalue()


def test_cancel_reaches_the_render_that_runs() -> None:
    script = """
greet()
job = hear()
say(type="progress", id=job["id"], stage="sampling", done=1, total=8)
assert hear()["type"] == "cancel"
say(type="error", id=job["id"], error="Cancelled.", hint="Nothing was written.", kind="cancelled")
hear()
"""

    async def cancel(engine: EngineProcess) -> None:
        async for _ in engine.render({}, OUTPUT):
            await engine.cancel()

    with pytest.raises(Cancelled):
        drive(script, cancel)


@pytest.mark.parametrize(
    ("last_words", "sentence"),
    [
        ("sys.exit(7)", "exit code 7"),
        ("sys.exit(0)", "ended before"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
    ],
)
def test_an_engine_that_dies_is_named_with_its_last_words(last_words: str, sentence: str) -> None:
    script = f"greet(); hear(); print('something about memory', file=sys.stderr, flush=True); {last_words}"
    with pytest.raises(EngineDied, match=sentence) as death:
        drive(script, render_all)
    assert death.value.hint
    assert "something about memory" in death.value.log_tail


def test_a_dead_engine_refuses_further_jobs() -> None:
    async def twice(engine: EngineProcess) -> None:
        with pytest.raises(EngineDied):
            await engine.load()
        await engine.load()

    with pytest.raises(EngineDied):
        drive("greet(); hear()", twice)


def test_an_engine_that_does_not_come_up_is_an_error() -> None:
    with pytest.raises(EngineDied, match="exit code 1"):
        drive("import no_such_module")
    with pytest.raises(EngineDied, match="did not start"):
        drive("time.sleep(60)", hello_within=0.5)


def test_another_protocol_is_refused() -> None:
    with pytest.raises(ProtocolError, match="protocol 1"):
        drive(f"print({HELLO!r}.replace('\"protocol\": 4', '\"protocol\": 1'), flush=True); hear()")


@pytest.mark.parametrize("noise", ["'Loading weights...'", "'x' * (17 * 2**20)"])
def test_noise_on_the_channel_ends_the_engine(noise: str) -> None:
    with pytest.raises(EngineError):
        drive(f"greet(); hear(); print({noise}, flush=True); time.sleep(60)", render_all)


def test_close_insists() -> None:
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); greet(); time.sleep(60)"

    async def close(engine: EngineProcess) -> int:
        await engine.close(grace=0.2)
        await engine.close()
        return engine.pid

    pid = drive(deaf, close)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_who_may_not_wait_for_its_end_leaves_no_engine_behind() -> None:
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN); greet(); time.sleep(60)"

    async def hurried(engine: EngineProcess) -> int:
        closing = asyncio.create_task(engine.close())
        await asyncio.sleep(0.1)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert "SIGKILL" in str(await engine.ended())
        return engine.pid

    pid = drive(deaf, hurried)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_ctrl_c_in_the_terminal_does_not_reach_the_engine() -> None:
    async def group(engine: EngineProcess) -> int:
        assert engine.hello.engine == "double"
        return os.getpgid(engine.pid)

    assert drive("greet(); hear()", group) != os.getpgid(0)


def test_the_log_is_kept_short() -> None:
    script = "greet(); hear(); sys.stderr.write('x' * 1_000_000 + 'the end'); sys.stderr.flush(); sys.exit(1)"
    with pytest.raises(EngineDied) as death:
        drive(script, render_all)
    assert death.value.log_tail.endswith("the end")
    assert len(death.value.log_tail) <= 2**16


def test_ping_waits_for_its_answer() -> None:
    script = (
        'greet(); job = hear(); say(type="notice", text="by the way"); say(type="pong", id=job["id"]); hear(); hear()'
    )
    drive(script, lambda engine: engine.ping(timeout=20))
    with pytest.raises(TimeoutError):
        drive("greet(); hear(); hear()", lambda engine: engine.ping(timeout=0.2))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
