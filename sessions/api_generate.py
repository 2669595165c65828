"""``POST /generate``: the control guide's request over HTTP, answered as the guide describes (docs/api.md).

What is written goes into the session's ``exports/`` and nowhere else. Sources are named by hash, adapters by hash or by
name, and ``checkpoint_path`` may only name a model that is known.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from engine.checkpoints import NO_LM, find_models, inventory, open_set
from engine.file_names import slug
from engine.profiles import Profile, profile_for
from sessions.api_errors import ApiError, read_json, reply
from sessions.api_exports import writing
from sessions.api_route import Answer, Body, Route, studio_of
from sessions.control_guide import FORMATS, GuideBody, Understood, understood
from sessions.export_names import tags
from sessions.exports import FOLDER
from sessions.own_sources import ForeignPath, check_name
from sessions.schemas import TABLE, TEXT, WHOLE, many, of_field, table
from sessions.studio import Studio
from sessions.take import Take
from sessions.whole_files import write_whole

LONGEST_NAME = 100
"""Characters of a file's name that are kept."""

_STRANGE = re.compile(r"[^\w .,()+-]")


async def generate(request: web.Request) -> web.Response:
    """Renders what the guide's body asks for, waits for it, and writes it into ``exports/``."""
    studio = studio_of(request)
    body = GuideBody.from_dict(await read_json(request))
    stem, format = named(body)
    asked = understood(body, await asyncio.to_thread(_profile, studio, body.checkpoint_path))
    await asyncio.to_thread(_check_sources, studio, body, asked)
    folder = await asyncio.to_thread(_folder, studio.session)
    takes = await asyncio.shield(studio.make(asked.request, revision=studio.revisions.current.number))
    files = [await _written(studio, take, folder, stem or _made_name(take), format, body) for take in takes]
    count = "1 take" if len(files) == 1 else f"{len(files)} takes"
    return reply(
        {
            "status": "success",
            "output_path": str(files[0]),
            "message": " ".join((f"Generated {count}.", *asked.notes)),
            "output_paths": [str(file) for file in files],
            "takes": [take.number for take in takes],
            "notes": list(asked.notes),
        }
    )


async def health(request: web.Request) -> web.Response:
    """That the studio is there."""
    return reply({"status": "healthy"})


def named(body: GuideBody) -> tuple[str, str]:
    """The name of the file without its suffix, empty where none was given, and its format.

    Of a relative path the last part counts; the folder is always ``exports/``. Raises ForeignPath for a path that leads
    out of where it begins, and ApiError for a name that is none.
    """
    given = body.output_path
    if given is None:
        return "", body.format
    parts = given.replace("\\", "/").split("/")
    if given.startswith(("/", "\\", "~")) or ".." in parts or ":" in parts[0]:
        raise ForeignPath(
            f"output_path leads out of {FOLDER}/, and what is written stays in it.",
            "Give the name of a file, such as 'song.wav'.",
            field="output_path",
        )
    name, _, suffix = parts[-1].rpartition(".")
    if suffix.lower() not in FORMATS:
        name, suffix = parts[-1], body.format
    clean = _STRANGE.sub("-", name).strip(" .-")[:LONGEST_NAME].rstrip(" .-")
    if not clean:
        raise ApiError(400, "output_path names no file.", "Give a name such as 'song.wav'.", field="output_path")
    return clean, suffix.lower()


def _made_name(take: Take) -> str:
    return f"output_{take.number:04}-{slug(take.name)}-{take.seed}"


def _profile(studio: Studio, checkpoint: str | None) -> Profile:
    """The profile of the session's model. Raises ForeignPath and ApiError for a ``checkpoint`` that is another one."""
    options = studio.revisions.current.settings.models.load_options(studio.session)
    root = find_models(options.get("models"))
    current = open_set(root, options.get("dit"), NO_LM).dit
    if checkpoint is not None and checkpoint not in (current.name, current.name.removeprefix("acestep-v15-")):
        if "/" in checkpoint or "\\" in checkpoint or checkpoint.startswith((".", "~")):
            raise ForeignPath(
                "checkpoint_path is the name of a model, not a path.",
                f"Leave it out, or name {current.name}.",
                field="checkpoint_path",
            )
        if checkpoint in inventory(root).dits:
            hint = f"Name {checkpoint} as dit in session.toml, or leave checkpoint_path out."
            raise ApiError(409, f"This studio renders with {current.name}.", hint, field="checkpoint_path")
        raise ApiError(404, "checkpoint_path names no known model.", f"Name {current.name}.", field="checkpoint_path")
    return profile_for(current.name, current.config)


def _check_sources(studio: Studio, body: GuideBody, asked: Understood) -> None:
    """Raises ForeignPath, by the guide's name, for what is not a source of the session or an adapter by its name."""
    source = "ref_audio_input" if asked.request.task_type == "cover-nofsq" else "src_audio_path"
    named = [("src_audio", source, asked.request.src_audio)]
    named += [("adapters", "lora_name_or_path", adapter.path) for adapter in asked.request.adapters]
    for field, name, value in named:
        try:
            if value:
                check_name(field, value, studio.sources, studio.store)
        except ForeignPath as refusal:
            raise ForeignPath(refusal.error.replace(field, name), refusal.hint, field=name) from None


def _folder(session: Path) -> Path:
    """The folder for exports, made if it is not there. Raises ApiError for one that leads elsewhere."""
    folder = session / FOLDER
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        hint = "Put a folder of that name in its place."
        raise ApiError(409, f"{FOLDER} is no folder of this session: it leads elsewhere.", hint, field="output_path")
    folder.mkdir(exist_ok=True)
    return folder


async def _written(studio: Studio, take: Take, folder: Path, stem: str, format: str, body: GuideBody) -> Path:
    """Writes the audio, and beside it what was asked for; the file. Names that are taken get a number."""
    file = await asyncio.to_thread(_free, folder, stem, format)
    shown = take.object()
    question = {
        "source": str(studio.session / shown["files"]["audio"]),
        "target": str(file),
        "format": format,
        "loudness": None,
        "tags": tags(shown),
        "overwrite": False,
    }
    await writing(studio, question)
    told = json.dumps(_parameters(body, take, file), ensure_ascii=False, indent=2) + "\n"
    beside = file.with_name(f"{file.stem}_input_params.json")
    await asyncio.to_thread(write_whole, beside, told.encode("utf-8", "replace"), overwrite=False)
    return file


def _free(folder: Path, stem: str, format: str) -> Path:
    """A name that nothing has, not even a link that leads nowhere."""
    number = 1
    while True:
        name = stem if number == 1 else f"{stem}-{number}"
        names = (f"{name}.{format}", f"{name}_input_params.json")
        if not any(os.path.lexists(folder / each) for each in names):
            return folder / names[0]
        number += 1


def _parameters(body: GuideBody, take: Take, file: Path) -> Mapping[str, Any]:
    """What the guide's servers write beside the audio: the body, with what was left to chance in it."""
    request = take.request
    return {
        **{name: _plain(value) for name, value in dataclasses.asdict(body).items()},
        "audio_duration": take.duration,
        "actual_seeds": [take.seed],
        "retake_seeds": list(request.get("retake_seed") or []),
        "timecosts": dict(take.timings),
        "audio_path": file.name,
        "take": take.number,
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


_BODY = table({name: of_field(field) for name, field in GuideBody.fields().items()})
_MADE = table(
    {
        **dict.fromkeys(("status", "output_path", "message"), TEXT),
        **dict.fromkeys(("output_paths", "notes"), many(TEXT)),
        "takes": many(WHOLE),
    }
)

ROUTES = (
    Route(
        "POST",
        "/generate",
        generate,
        "The control guide's request: renders it before the loop goes on, and answers when it is written to "
        f"{FOLDER}/. Several seeds are several takes.",
        {200: Answer("Where the audio is.", _MADE)},
        body=Body(_BODY),
    ),
    Route("GET", "/health", health, "That the studio is there.", {200: Answer("It is.", TABLE)}),
)
