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

from acetui.verbs.take_words import find, open_takes
from engine import EngineError
from sessions.exports import Planned, Wish, plan
from sessions.places import find_session
from sessions.side_process import NO_LIBRARIES, program


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

    wish = Wish(args.format, args.loudness, args.name, args.lrc, args.overwrite)
    planned = plan(session, asyncio.run(named()), folder, wish)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise EngineError(f"{folder} cannot be made ({cause.strerror}).", "Choose another folder with -o.") from None
    with _exporter() as ask:
        for each in planned:
            _export(each, wish, args, ask)
    without = [each.take["number"] for each in planned if not each.lyrics]
    if args.lrc and without:
        which = "None of these takes has" if len(without) == len(planned) else f"Takes {without} have not"
        _say(f"{which} the times of its lyrics, so no LRC was written.", args)
    return 0


def _export(planned: Planned, wish: Wish, args: argparse.Namespace, ask: _Asking) -> None:
    answer = ask(planned.question(wish))
    if "error" in answer:
        raise EngineError(answer["error"], answer["hint"])
    planned.write_beside(wish)
    number = planned.take["number"]
    if args.json:
        files = {"file": str(planned.audio), "recipe": str(planned.recipe), "lyrics": list(map(str, planned.lyrics))}
        print(json.dumps({"event": "export", "number": number, **files, **answer}), flush=True)
        return
    heard = "" if answer["loudness"] is None else f"  {answer['loudness']:.1f} LUFS"
    peak = "" if answer["peak"] is None else f"  {answer['peak']:.1f} dBTP"
    print(f"{number:>5}  {planned.audio}{heard}{peak}", flush=True)
    if wish.loudness is not None and answer["loudness"] is not None and answer["loudness"] < wish.loudness - 0.5:
        _say(f"Take {number} cannot be that loud below -1 dBTP: it has {answer['loudness']:.1f} LUFS.", args)


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
