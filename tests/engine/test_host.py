"""The engine process: that it listens to nonsense without harm, stops when told, and loses nothing when it dies."""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import host
from engine.errors import OutOfMemory, RenderFailed
from engine.explaining import broken_card, explain
from engine.lines import Channel
from engine.protocol import ErrorEvent, Message, Notice, Ping, Pong, Shutdown, parse
from tests.engine.nvml_double import DoubleCard, library

HOST = (sys.executable, "-m", "engine.host")
SECONDS = 60


def converse(data: bytes) -> list[Message]:
    """What a host without a model answers to ``data``, in this process."""
    answers = io.BytesIO()
    listener = host.Host(Channel(answers))
    listener.read(io.BytesIO(data))
    listener.work()
    return [parse(line) for line in answers.getvalue().splitlines()]


def lines(*messages: Message | bytes) -> bytes:
    return b"".join((m if isinstance(m, bytes) else m.to_json().encode()) + b"\n" for m in messages)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_crash_the_host(data: bytes) -> None:
    assert all(isinstance(answer, ErrorEvent) for answer in converse(data))


@settings(deadline=None)
@given(
    st.sampled_from(["render", "cancel", "score", "plan", "hello", "done"]),
    st.dictionaries(st.sampled_from(["id", "request", "output"]), st.none() | st.text(max_size=5) | st.just({})),
)
def test_almost_commands_never_crash_the_host(name: str, fields: dict[str, Any]) -> None:
    answers = converse(lines(json.dumps({"type": name, **fields}).encode(), Ping("p")))
    assert answers[-1] == Pong("p") or Pong("p") in answers


def test_an_unknown_job_is_answered_under_its_id() -> None:
    (answer,) = converse(lines(b'{"type": "score", "id": "job-7", "file": "x"}'))
    assert isinstance(answer, ErrorEvent)
    assert answer.id == "job-7"
    assert "'score'" in answer.error


def test_events_are_not_commands() -> None:
    (answer,) = converse(lines(Pong("p")))
    assert isinstance(answer, ErrorEvent)
    assert answer.kind == "failed"


def test_nothing_is_read_after_shutdown() -> None:
    assert converse(lines(Ping("1"), Shutdown(), Ping("2"))) == [Pong("1")]


def test_a_line_that_is_too_long_is_refused_and_the_next_one_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.lines.MAX_LINE", 100)
    too_long, pong = converse(lines(b"x" * 1000, Ping("p")))
    assert isinstance(too_long, ErrorEvent)
    assert "longer" in too_long.error
    assert pong == Pong("p")
    assert converse(b"x" * 1000)  # also where the stream ends inside it


def test_a_job_that_waits_when_the_parent_goes_is_cancelled() -> None:
    (answer,) = converse(lines(b'{"type": "load", "id": "job-1"}'))
    assert isinstance(answer, ErrorEvent)
    assert (answer.id, answer.kind) == ("job-1", "cancelled")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "not enough memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "not enough memory"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"), "not enough memory"),
        (ZeroDivisionError("division by zero"), "failed unexpectedly"),
    ],
)
def test_unexpected_failures_are_explained(error: Exception, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    explained = explain(error)
    assert sentence in explained.error
    assert explained.hint
    assert type(error).__name__ in capsys.readouterr().err


@pytest.mark.parametrize("first", [True, False])
def test_what_is_imported_is_set_apart_and_nothing_later(first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model's parts know each other: set apart, they would stay when another one is loaded."""
    if first:
        monkeypatch.delitem(sys.modules, "torch", raising=False)
    else:
        monkeypatch.setitem(sys.modules, "torch", object())
    before = gc.get_freeze_count()
    try:
        with host._nothing_let_go():
            assert gc.isenabled() is not first
        assert gc.isenabled()
        assert (gc.get_freeze_count() > before) is first
    finally:
        gc.unfreeze()


def test_a_parent_that_is_gone_does_not_matter_to_the_channel() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb", buffering=0) as stream:
        Channel(stream).send(Pong("p"))
        Channel(stream).send(Pong("p"))


def test_hello_comes_before_torch_and_the_end_of_input_ends_the_process() -> None:
    bare = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "engine.host"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
    )
    assert bare.returncode == 0
    assert b'"type": "hello"' in bare.stdout
    for package in (b" torch", b" numpy", b" transformers", b" soundfile"):
        assert package not in bare.stderr


def test_sigterm_ends_an_idle_host_and_sigint_does_not() -> None:
    process = subprocess.Popen(HOST, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    process.stdin.write(lines(Ping("1")))
    process.stdin.flush()
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.stdin.write(lines(Ping("2")))
    process.stdin.flush()
    assert parse(process.stdout.readline()) == Pong("2")
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0


def test_what_libraries_print_goes_to_the_log() -> None:
    script = (
        "import engine.host as h, os; h.Host.work = lambda self: (print('noise'), os.system('echo noise')); h.main()"
    )
    process = subprocess.run([sys.executable, "-c", script], input=b"", capture_output=True, timeout=SECONDS)
    assert [parse(line).type for line in process.stdout.splitlines()] == ["hello"]
    assert process.stderr.count(b"noise") == 2


def test_an_engine_whose_parent_is_dead_ends_in_the_middle_of_a_step_and_one_whose_parent_reads_on_does_not() -> None:
    script = "import engine.host as h, time; h.Host.work = lambda self: time.sleep(600); h.main()"
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    process.stdin.close()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.stdout.close()
    assert process.wait(10) == 1


def test_a_dead_parent_s_engine_finishes_the_take_that_it_writes() -> None:
    script = (
        "import engine.host as h, engine.protocol as p, time\n"
        "def work(self):\n"
        "    def late(): time.sleep(1); open('written', 'w').close()\n"
        "    with self._writer:\n"
        "        self._writer._queue.put(late)\n"
        "        self._channel.send(p.Pong('it is written'))\n"
        "        time.sleep(600)\n"
        "h.Host.work = work; h.main()"
    )
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder, env=env
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        process.stdin.close()
        process.stdout.close()
        assert process.wait(10) == 1
        assert os.listdir(folder) == ["written"]


def test_a_host_leaves_the_processor_to_whoever_types() -> None:
    with subprocess.Popen(HOST, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it has said hello
        polite = os.getpriority(os.PRIO_PROCESS, process.pid)
        assert process.stdin is not None
        process.stdin.close()
    assert polite == min(os.getpriority(os.PRIO_PROCESS, 0) + host.POLITENESS, 19)


def test_where_memory_runs_out_it_is_said_who_else_has_the_card() -> None:
    asked = host.Host(Channel(io.BytesIO()))
    with library(DoubleCard(tenants=((os.getpid(), 2**32), (7, 2**31)))):
        error = asked._with_others(explain(MemoryError()))
        assert isinstance(error, OutOfMemory)
        assert error.error.endswith("for this. On the card a program (process 7) has 2.0 GB.")
        assert asked._with_others(RenderFailed("x", "y")).error == "x"
    with library():
        assert asked._with_others(OutOfMemory()).error == OutOfMemory().error


AcceleratorError = type("AcceleratorError", (RuntimeError,), {})
"""As torch names what a card says."""


@pytest.mark.parametrize(
    ("error", "broken"),
    [
        (AcceleratorError("CUDA error: an illegal memory access was encountered"), True),
        (AcceleratorError("HIP error: unspecified launch failure"), True),
        (AcceleratorError("CUDA error: out of memory"), False),
        (AcceleratorError("CUDA error: no kernel image is available for execution on the device"), False),
        (RuntimeError("an illegal memory access"), False),
    ],
)
def test_an_engine_does_not_outlive_its_card(
    error: Exception, broken: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was asked of it is not answered, so that another engine is asked; everything else is an answer."""

    def fails(*given: object) -> None:
        raise error

    monkeypatch.setattr(host.Host, "_do", fails)
    answers = io.BytesIO()
    asked = host.Host(Channel(answers))
    asked.read(io.BytesIO(lines(b'{"type": "load", "id": "job-1"}')))
    asked.work()
    (answer,) = [parse(line) for line in answers.getvalue().splitlines()]
    assert bool(broken_card(error)) == broken
    assert (asked.ended_with, isinstance(answer, Notice), isinstance(answer, ErrorEvent)) == (
        host.BROKEN if broken else 0,
        broken,
        not broken,
    )
    assert str(error) in capsys.readouterr().err
