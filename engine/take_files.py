"""A take as files: audio with its recipe inside, latents if they are kept, and the take object that names them."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import secrets
import time
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

import engine
from engine import encoding
from engine.audio import RATE
from engine.file_names import GAIN, SAMPLES, audio_path, latents_path, renamed, take_name
from engine.files import atomic_write
from engine.protocol import Output
from engine.scoring.judging import Judgement, judge
from engine.scoring.outline import statistics
from engine.scoring.ranking import overall
from engine.scoring.words import aligned, sung_as
from engine.tags import RECIPE

if TYPE_CHECKING:
    from torch import Tensor

    from engine.request import Request
    from engine.take import Take

_log = logging.getLogger(__name__)


def write_take(take: Take, output: Output) -> dict[str, Any]:
    """Writes the files of one take, the audio last, and returns the take object of the protocol.

    Raises what ``engine.files.atomic_write`` raises; every file is then whole or not there.
    """
    index = take.layout["index"]
    files = {"audio": audio_path(output, take.seed, index).absolute()}
    if output.keep_latents:
        files["latents"] = latents_path(output, take.seed, index).absolute()
        atomic_write(files["latents"], lambda file: _write_latents(take, file), overwrite=output.overwrite)
    try:
        samples = take.audio.numpy()
        encoding.write(
            files["audio"], samples, format=output.format, tags=_tags(take, output), overwrite=output.overwrite
        )
    except BaseException:
        if "latents" in files:  # latents without their audio would be in the way of the next try
            files["latents"].unlink(missing_ok=True)
        raise
    return take_object(take, {name: str(path) for name, path in files.items()})


def take_object(take: Take, files: dict[str, str]) -> dict[str, Any]:
    """The take as JSON, judged by listening to it. What only a session knows (its number, parent, revision) is left
    empty.
    """
    start = time.perf_counter()
    request = take.request.to_dict()
    seconds = take.audio.shape[-1] / RATE
    found, said = _judged(take, request, seconds)
    timings = {**take.timings, "score": take.timings.get("score", 0.0) + time.perf_counter() - start}
    return {
        "id": secrets.token_hex(8),
        "number": None,
        "name": _name(take.request),
        "seed": take.seed,
        "duration": seconds,
        "score": found.overall.score,
        "parts": dict(found.parts),
        "measured": {**found.measured, **said},
        "faults": [fault.words for fault in found.faults],
        "verdict": "unheard",
        "parent": None,
        "operation": "render",
        "revision": None,
        "files": files,
        "request": request,
        "gain": take.gain,
        "loudness": take.loudness if take.loudness is not None and math.isfinite(take.loudness) else None,
        "hashes": {"audio": _hash(take.audio), "latents": _hash(take.latents)},
        "timings": timings,
        "identity": dict(take.identity),
        "layout": dict(take.layout),
        "plan": take.plan,
        "codes": hashlib.sha256(np.asarray(take.codes, dtype="<i4").data).hexdigest() if take.codes else None,
    }


def _judged(take: Take, request: dict[str, Any], seconds: float) -> tuple[Judgement, dict[str, Any]]:
    """What is found out about a take, and what only the models knew; nothing where that fails, for the take counts."""
    try:
        told, said = _told(take, seconds)
        samples = take.audio.numpy()
        return judge(samples, RATE, request, take.plan, duration=take.request.duration, told=told), said
    except Exception:
        _log.exception("a take could not be judged")
        return Judgement((), {}, {}, overall({}, request)), {}


def _told(take: Take, seconds: float) -> tuple[dict[str, float], dict[str, Any]]:
    """What the models have said of a take: measures of its score, and what they are made of with the lines' times."""
    told: dict[str, float] = {}
    said: dict[str, Any] = dict(statistics(take.latents.numpy(), take.codes))
    if take.overheard is None:
        return told, said
    if take.overheard.attention is not None:
        score, lines = aligned(take.overheard.attention, take.overheard.texts, seconds)
        said |= {"timestamps": lines} if lines else {}
        told = {} if score is None else {"lyric_alignment": score}
        if score is not None and take.overheard.planned is not None:
            said["lyric_alignment_planned"] = sung_as(take.overheard.planned, take.overheard.texts)
    recalled = take.overheard.recalled
    if (reward := recalled.score(take.request.score_scale)) is not None:
        told["semantic"] = round(reward, 4)
        said |= {"caption_pmi": recalled.caption, "lyrics_pmi": recalled.lyrics, "recall": dict(recalled.metadata)}
        said |= {"semantic_by": "sound"} if take.overheard.by_sound else {}
    return told, said


def _hash(tensor: Tensor) -> str:
    """The sha256 of float32 values, rows after rows, lowest byte first: of the samples themselves, not of a file."""
    values = np.ascontiguousarray(tensor.numpy(), dtype="<f4")
    return hashlib.sha256(values.data).hexdigest()


def _tags(take: Take, output: Output) -> dict[str, str]:
    """What is written into the audio file; the caller's own tags win."""
    request = take.request
    return {
        "title": _name(request),
        "comment": request.caption,
        "lyrics": request.lyrics,
        "bpm": str(request.bpm or ""),
        "key": request.keyscale or "",
        "date": time.strftime("%Y-%m-%d"),
        "software": f"acetui {engine.__version__}",
        RECIPE: json.dumps(renamed(request.to_dict(), output.names)),
        **output.tags,
    }


def _name(request: Request) -> str:
    """After what a person wrote; where that is nothing, after what the planner would have it be."""
    return take_name(request.caption.strip() or request.cot_caption)


def _write_latents(take: Take, file: BinaryIO) -> None:
    """The latents as the VAE was given them, the codes they were rendered from, if any, and the gain of the take."""
    from safetensors.numpy import save

    tensors = {"latents": take.latents.contiguous().numpy()}
    if take.codes:
        tensors["codes"] = np.asarray(take.codes, dtype=np.int32)
    file.write(save(tensors, metadata={GAIN: repr(take.gain), SAMPLES: str(take.audio.shape[-1])}))
