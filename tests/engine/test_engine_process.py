"""The real engine in its process, with random tiny weights: renders, cancels, and deaths at bad moments."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import resource
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import BadCheckpoint, Cancelled, InvalidRequest, RenderFailed
from engine.process import EngineDied, EngineProcess
from engine.protocol import TAKE_KEYS, Done, Notice, Output, ProgressEvent, TakeEvent

pytest.importorskip("torch")

SHORT: dict[str, Any] = {"caption": "Neon drive, slow", "duration": 2, "inference_steps": 2, "seeds": [7, 8]}
LONG: dict[str, Any] = {"caption": "x", "duration": 240, "inference_steps": 20, "seeds": [7]}

Act = Callable[[EngineProcess], Awaitable[Any]]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    from engine.testing import make_checkpoint

    return str(make_checkpoint(tmp_path_factory.mktemp("process") / "models", lm=False))


@contextlib.asynccontextmanager
async def loaded_engine(checkpoint: str) -> AsyncIterator[EngineProcess]:
    async with EngineProcess.start() as engine:
        await engine.load(checkpoint, device="cpu", dtype="float32", threads=1)
        yield engine


@pytest.fixture
def with_engine(checkpoint: str) -> Callable[[Act], Any]:
    """Runs a coroutine with an engine of its own, to be ill-treated."""

    def run(act: Act) -> Any:
        async def conversation() -> Any:
            async with loaded_engine(checkpoint) as engine:
                return await act(engine)

        return asyncio.run(conversation())

    return run


@pytest.fixture(scope="module")
def shared(checkpoint: str) -> Iterator[Callable[[Act], Any]]:
    """Runs a coroutine with the one engine of this module; it must be alive and well afterwards."""
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        engine = runner.run(stack.enter_async_context(loaded_engine(checkpoint)))

        async def use(act: Act) -> Any:
            result = await act(engine)
            await engine.ping()
            return result

        yield lambda act: runner.run(use(act))
        runner.run(stack.aclose())


async def collect(engine: EngineProcess, request: dict[str, Any], output: Output) -> list[Any]:
    return [event async for event in engine.render(request, output)]


async def drain(events: Any, only: type = object) -> None:
    async for event in events:
        assert isinstance(event, only)


async def first_step(events: Any) -> None:
    async for event in events:
        if isinstance(event, ProgressEvent) and event.stage == "sampling":
            return


def test_a_batch_is_rendered_written_and_told_of(shared: Callable[[Act], Any], tmp_path: Path) -> None:
    from engine.audio import read
    from engine.tags import RECIPE, read_tags

    output = Output(str(tmp_path), "song-{seed}", keep_latents=True, tags={"artist": "nobody"})
    events = shared(lambda engine: collect(engine, SHORT, output))
    takes = [event.take for event in events if isinstance(event, TakeEvent)]
    assert [take["seed"] for take in takes] == [7, 8]
    assert all(take.keys() >= set(TAKE_KEYS) for take in takes)
    assert isinstance(events[-1], Done)
    assert events[-1].summary["takes"] == 2
    assert {event.stage for event in events if isinstance(event, ProgressEvent)} >= {"sampling", "decode", "write"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"song-{seed}{suffix}" for seed in (7, 8) for suffix in (".flac", ".safetensors")
    ]
    for take in takes:
        audio = read(take["files"]["audio"])
        assert audio.shape == (2, round(take["duration"] * 48_000))
        assert abs(audio).max() == pytest.approx(10 ** (-1 / 20), abs=1e-4)
        tags = read_tags(take["files"]["audio"])
        assert json.loads(tags[RECIPE]) == take["request"]
        assert (tags["artist"], tags["title"], tags["comment"]) == ("nobody", "neon drive", SHORT["caption"])


def test_the_latents_that_are_kept_are_those_of_the_take(shared: Callable[[Act], Any], tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    output = Output(str(tmp_path), "x-{seed}", keep_latents=True)
    shared(lambda engine: collect(engine, SHORT, output))
    latents = load_file(tmp_path / "x-7.safetensors")["latents"]
    assert latents.shape == (50, 64)
    assert (latents != load_file(tmp_path / "x-8.safetensors")["latents"]).any()


def test_a_take_says_what_its_samples_and_latents_are_and_where_in_the_batch_it_was(
    shared: Callable[[Act], Any], tmp_path: Path
) -> None:
    from safetensors.numpy import load_file

    from engine.audio import read

    output = Output(str(tmp_path), "x-{index}", format="wav32", keep_latents=True)
    events = shared(lambda engine: collect(engine, SHORT | {"seeds": [7, 7]}, output))
    takes = [event.take for event in events if isinstance(event, TakeEvent)]
    assert [take["layout"] for take in takes] == [{"index": index, "size": 2, "lanes": 1} for index in (0, 1)]
    assert takes[0]["hashes"] == takes[1]["hashes"]
    for take in takes:
        assert take["hashes"] == {
            "audio": hashlib.sha256(read(take["files"]["audio"]).tobytes()).hexdigest(),
            "latents": hashlib.sha256(load_file(take["files"]["latents"])["latents"].tobytes()).hexdigest(),
        }


def test_the_next_job_begins_while_the_last_take_of_the_one_before_is_written(
    shared: Callable[[Act], Any], tmp_path: Path
) -> None:
    async def act(engine: EngineProcess) -> list[tuple[str, Any]]:
        seen: list[tuple[str, Any]] = []

        async def follow(name: str, request: dict[str, Any]) -> None:
            async for event in engine.render(request, Output(str(tmp_path), f"{name}-{{index}}")):
                seen.append((name, event))

        await asyncio.gather(follow("a", SHORT | {"seeds": [1], "duration": 60}), follow("b", SHORT | {"seeds": [2]}))
        return seen

    seen = shared(act)
    first_of_b = next(i for i, (name, _) in enumerate(seen) if name == "b")
    end_of_a = next(i for i, (name, event) in enumerate(seen) if name == "a" and isinstance(event, Done))
    assert first_of_b < end_of_a
    ends = [(name, type(event)) for name, event in seen if isinstance(event, TakeEvent | Done)]
    assert ends == [("a", TakeEvent), ("a", Done), ("b", TakeEvent), ("b", Done)]


def test_a_cancel_takes_effect_within_a_step_and_the_engine_lives_on(
    shared: Callable[[Act], Any], tmp_path: Path
) -> None:
    async def act(engine: EngineProcess) -> None:
        events = engine.render(LONG, Output(str(tmp_path), "long"))
        await first_step(events)
        await engine.cancel()
        await engine.ping()
        with pytest.raises(Cancelled, match="Nothing was written"):
            await drain(events)
        assert list(tmp_path.iterdir()) == []
        assert len(await collect(engine, SHORT, Output(str(tmp_path), "{seed}"))) > 2

    shared(act)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_waiting_job_can_be_cancelled(shared: Callable[[Act], Any], tmp_path: Path) -> None:
    async def act(engine: EngineProcess) -> None:
        first = asyncio.create_task(collect(engine, LONG, Output(str(tmp_path), "first")))
        second = asyncio.create_task(collect(engine, LONG, Output(str(tmp_path), "second")))
        await asyncio.sleep(0.2)
        await engine.cancel()
        ends = await asyncio.gather(first, second, return_exceptions=True)
        assert [type(end) for end in ends] == [Cancelled, Cancelled]

    shared(act)


def test_kill_9_while_rendering_is_told_and_leaves_nothing(with_engine: Callable[[Act], Any], tmp_path: Path) -> None:
    async def act(engine: EngineProcess) -> None:
        events = engine.render(LONG, Output(str(tmp_path), "long"))
        await first_step(events)
        os.kill(engine.pid, signal.SIGKILL)
        with pytest.raises(EngineDied, match="SIGKILL"):
            await drain(events)

    with_engine(act)
    assert list(tmp_path.iterdir()) == []


def test_sigterm_while_rendering_cancels_and_exits(with_engine: Callable[[Act], Any], tmp_path: Path) -> None:
    async def act(engine: EngineProcess) -> None:
        events = engine.render(LONG, Output(str(tmp_path), "long"))
        await first_step(events)
        os.kill(engine.pid, signal.SIGTERM)
        with pytest.raises(Cancelled):
            await drain(events)

    with_engine(act)
    assert list(tmp_path.iterdir()) == []


def test_names_that_are_taken_are_refused_before_rendering(shared: Callable[[Act], Any], tmp_path: Path) -> None:
    (tmp_path / "8.flac").write_bytes(b"precious")
    output = Output(str(tmp_path), "{seed}")

    async def act(engine: EngineProcess) -> list[Any]:
        events = engine.render(SHORT, output)
        with pytest.raises(InvalidRequest, match=r"8\.flac exists already"):
            await drain(events, only=Notice)
        return await collect(engine, SHORT, replace(output, overwrite=True))

    assert isinstance(shared(act)[-1], Done)
    assert (tmp_path / "8.flac").read_bytes() != b"precious"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stem": "same"}, "Two takes"),
        ({"stem": "../{seed}"}, "not the name of a file"),
        ({"stem": ""}, "not the name of a file"),
        ({"folder": "/no/such/folder"}, "no folder"),
        ({"format": "aiff"}, "not an audio format"),
        ({"tags": {"mood": "blue"}}, "no tag 'mood'"),
    ],
)
def test_outputs_that_cannot_be_are_refused(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    from engine.file_names import check_output

    with pytest.raises(InvalidRequest, match=words):
        check_output(replace(Output(str(tmp_path), "{seed}"), **change), [7, 8])


def test_a_disk_that_is_full_is_an_error_and_not_half_a_file(shared: Callable[[Act], Any], tmp_path: Path) -> None:
    async def act(engine: EngineProcess) -> None:
        limits = resource.prlimit(engine.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, (10_000, limits[1]))
        with pytest.raises(RenderFailed, match="could not be written"):
            await collect(engine, SHORT, Output(str(tmp_path), "{seed}", format="wav"))
        resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, limits)

    shared(act)
    assert list(tmp_path.iterdir()) == []


def test_wrong_requests_are_refused_by_field(shared: Callable[[Act], Any], tmp_path: Path) -> None:
    output = Output(str(tmp_path), "x")

    async def act(engine: EngineProcess) -> None:
        for request, field in (({"bpm": 1000}, "bpm"), ({"inference_steps": 100}, "inference_steps")):
            with pytest.raises(InvalidRequest) as refusal:
                await collect(engine, request, output)
            assert refusal.value.field == field

    shared(act)


def test_the_model_that_is_loaded_is_not_loaded_again(shared: Callable[[Act], Any], checkpoint: str) -> None:
    loaded = shared(lambda engine: engine.load(checkpoint, device="cpu", dtype="float32", threads=1))
    assert loaded.profile["name"] == "turbo"
    assert loaded.identity
    assert loaded.seconds < 0.2


def test_missing_models_are_errors_in_words(tmp_path: Path) -> None:
    async def conversation() -> None:
        async with EngineProcess.start() as engine:
            with pytest.raises(BadCheckpoint, match="No model is loaded"):
                await collect(engine, {}, Output(str(tmp_path), "x"))
            with pytest.raises(BadCheckpoint):
                await engine.load(str(tmp_path / "nothing"), device="cpu")

    asyncio.run(conversation())


def test_an_engine_whose_parent_is_gone_ends(checkpoint: str, tmp_path: Path) -> None:
    async def conversation() -> None:
        async with EngineProcess.start() as engine:
            await engine.load(checkpoint, device="cpu", dtype="float32", threads=1)
            events = engine.render(LONG, Output(str(tmp_path), "long"))
            await first_step(events)
            engine._commands.close()
            with contextlib.suppress(Cancelled, EngineDied):
                await drain(events)
            async with asyncio.timeout(30):
                await engine._process.wait()

    asyncio.run(conversation())
    assert list(tmp_path.iterdir()) == []
