"""``acetui export``: takes as files for other programs, with tags, and the recipe beside each."""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from acetui.verbs.export_names import file_name, tags
from acetui.verbs.recipe_text import recipe_text
from acetui.verbs.take_words import find, open_takes
from engine import EngineError, InvalidRequest
from engine.file_names import SUFFIXES
from sessions.places import find_session
from sessions.side_process import NO_LIBRARIES, program
from sessions.whole_files import write_whole


class NoExport(EngineError):
    """Audio cannot be written on this machine."""

    exit_code = 3


def run(args: argparse.Namespace) -> int:
    """The verb: every take is written whole, or not there; the first that cannot be ends it."""
    session = find_session(args.session)
    folder = Path(args.output).expanduser()

    async def named() -> Sequence[Mapping[str, Any]]:
        async with open_takes(session, write=False) as takes:
            return await find(takes, args.takes)

    takes = asyncio.run(named())
    plan = [(take, folder / file_name(args.name, take, session.name)) for take in takes]
    _check(session, plan, args)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise EngineError(f"{folder} cannot be made ({cause.strerror}).", "Choose another folder with -o.") from None
    with _exporter() as ask:
        for take, stem in plan:
            _export(session, take, stem, args, ask)
    if args.lrc:
        _say("None of these takes has the times of its lyrics, so no LRC was written.", args)
    return 0


def _export(session: Path, take: Mapping[str, Any], stem: Path, args: argparse.Namespace, ask: _Asking) -> None:
    audio, recipe = _places(stem, args.format)
    answer = ask(
        {
            "source": str(session / take["files"]["audio"]),
            "target": str(audio),
            "format": args.format,
            "loudness": args.loudness,
            "tags": tags(take),
            "overwrite": args.overwrite,
        }
    )
    if "error" in answer:
        raise EngineError(answer["error"], answer["hint"])
    write_whole(recipe, recipe_text(take["request"]).encode(), overwrite=args.overwrite)
    if args.json:
        found = {"number": take["number"], "file": str(audio), "recipe": str(recipe), **answer}
        print(json.dumps({"event": "export", **found}), flush=True)
        return
    heard = "" if answer["loudness"] is None else f"  {answer['loudness']:.1f} LUFS"
    peak = "" if answer["peak"] is None else f"  {answer['peak']:.1f} dBTP"
    print(f"{take['number']:>5}  {audio}{heard}{peak}", flush=True)
    if args.loudness is not None and answer["loudness"] is not None and answer["loudness"] < args.loudness - 0.5:
        _say(f"Take {take['number']} cannot be that loud below -1 dBTP: it has {answer['loudness']:.1f} LUFS.", args)


def _check(session: Path, plan: Sequence[tuple[Mapping[str, Any], Path]], args: argparse.Namespace) -> None:
    """Nothing is written where one of the files cannot be."""
    seen: dict[Path, int] = {}
    for take, stem in plan:
        number = take["number"]
        if take.get("stored", "whole") != "whole" or not (session / take["files"]["audio"]).is_file():
            raise EngineError(f"Take {number} has no audio.", "Finishing it makes it again, if its latents are kept.")
        if stem in seen:
            hint = "Let --name hold {number}."
            raise InvalidRequest(f"Takes {seen[stem]} and {number} would have the same name.", hint, field="name")
        seen[stem] = number
        there = [path for path in _places(stem, args.format) if path.exists()]
        if there and not args.overwrite:
            raise InvalidRequest(f"{there[0]} is there already.", "--overwrite replaces it.")


def _places(stem: Path, format: str) -> tuple[Path, Path]:
    """The file of the sound, and the one of the recipe."""
    return stem.with_name(stem.name + SUFFIXES[format]), stem.with_name(stem.name + ".toml")


def _say(words: str, args: argparse.Namespace) -> None:
    print(words, file=sys.stderr if args.json else sys.stdout, flush=True)


class _Asking:
    """The engine's own program that writes audio, asked one question after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, question: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = ""
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            pass  # it has ended, and its status says why
        if not line and self._process.wait() == NO_LIBRARIES:
            raise NoExport(
                "Audio cannot be written here: the engine's libraries are missing.", "Install them: `make studio`."
            )
        if not line:
            raise EngineError("Writing the audio failed: the program that does it has died.", "Run it again.")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def _exporter() -> Iterator[_Asking]:
    command = program("engine.exporting")
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield _Asking(process)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what it was not told before it died
                    pipe.close()
