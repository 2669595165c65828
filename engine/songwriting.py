"""What an engine's planner does where nothing is rendered: plans, samples, polish, and words for music."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine import Engine as Door
from engine import audio as audio_files
from engine.errors import Cancelled, InvalidRequest
from engine.events import Cancel, Progress
from engine.model import Model
from engine.planner.draws import Sampling
from engine.planner.jobs import Work
from engine.planner.plan import Plan
from engine.planner.planning import PlannerFiles, Planning
from engine.request import FIELDS, Request
from engine.seeds import draw_seed
from engine.take import Take
from engine.values import parse_codes

Progressing = Callable[[str, int, int], None]
Source = str | Path | Tensor | Take | Sequence[int]

JOBS = ("plan", "sample", "format", "understand")
"""The planner's jobs, by the names of the methods that do them."""


class Songwriter(Door):
    """The half of an engine that needs no sampling. Seeds that are left out are drawn."""

    def __init__(self, model: Model, planner: PlannerFiles | None) -> None:
        self._model = model
        codes = model.networks.tokenizer.quantizer.codes
        self.planning = Planning(planner, codes, model.silence, model.turns)

    def plan(self, request: Request, *, progress: Progressing | None = None, cancel: Cancel | None = None) -> Plan:
        """What a render of ``request`` would begin with: what it leaves open filled in, and its first seed's codes.

        Without ``thinking`` there are no codes.
        """
        return _collected(self.ask("plan", request), progress, cancel)

    def sample(
        self, query: str = "", *, progress: Progressing | None = None, cancel: Cancel | None = None, **fields: Any
    ) -> Plan:
        """A sentence to caption, lyrics and metadata; of ``fields``, ``instrumental`` and ``vocal_language`` hold."""
        return _collected(self.ask("sample", Request(**fields), query), progress, cancel)

    def format(
        self,
        caption: str = "",
        lyrics: str = "",
        *,
        progress: Progressing | None = None,
        cancel: Cancel | None = None,
        **fields: Any,
    ) -> Plan:
        """Caption and lyrics polished; metadata among ``fields`` stays as it is."""
        request = Request(caption=caption, lyrics=lyrics, **fields)
        return _collected(self.ask("format", request), progress, cancel)

    def understand(
        self,
        source: Source = (),
        *,
        progress: Progressing | None = None,
        cancel: Cancel | None = None,
        **fields: Any,
    ) -> Plan:
        """Caption, lyrics and metadata of a file, of audio ``[2, samples]``, of a take or of codes.

        No codes at all make the planner invent a song.
        """
        return _collected(self.ask("understand", Request(**fields), source=source), progress, cancel)

    @torch.no_grad()
    def ask(self, job: str, request: Request, query: str = "", source: Source | None = None) -> Work:
        """One of ``JOBS`` as a generator of progress; it returns the plan."""
        if job == "plan":
            return (yield from self.planning.plan(request.resolved(self._model.profile)))
        seed, sampling = _seed(request), Sampling(request.lm_temperature, request.lm_top_k, top_p=1.0)
        if job == "sample":
            return (yield from self.planning.sample(request, query, seed, sampling))
        if job == "format":
            return (yield from self.planning.format(request, seed, sampling))
        if job != "understand":
            raise InvalidRequest(f"The planner has no job called {job!r}.", f"It has {', '.join(JOBS)}.")
        yield Progress("conditions", 0, 1)
        codes = request.audio_codes if source is None else self.codes_of(source)
        yield Progress("conditions", 1, 1)
        return (yield from self.planning.understand(request, codes, seed, sampling))

    @torch.no_grad()
    def codes_of(self, source: Source) -> tuple[int, ...]:
        """The audio codes of what is heard, five a second."""
        if isinstance(source, Take):
            source = source.codes or source.audio
        if isinstance(source, str) and "<|audio_code_" in source:
            return _codes(source)
        if not isinstance(source, str | Path | Tensor):
            return _codes(source)
        model = self._model
        if isinstance(source, Tensor):
            audio = source
        else:
            audio = torch.from_numpy(audio_files.read(source, rate=model.vae.config.sampling_rate))
        longest = int(FIELDS["duration"].high or 0) * model.vae.config.sampling_rate
        if audio.dim() != 2 or not 0 < audio.shape[1] <= longest:
            raise InvalidRequest(
                "Only audio of up to ten minutes can be understood.", "Cut a piece out of it.", field="src_audio"
            )
        latents = model.vae.encode(audio.unsqueeze(0).to(model.device, model.dtype))
        codes: Tensor = model.networks.tokenizer(latents.to(model.dtype), model.silence)
        return tuple(codes[0].tolist())


def _codes(written: object) -> tuple[int, ...]:
    try:
        return parse_codes(list(written) if isinstance(written, Sequence) and not isinstance(written, str) else written)
    except ValueError as reason:
        raise FIELDS["audio_codes"].refusal("what was given", str(reason)) from None


def _seed(request: Request) -> int:
    """The seed of words: the one that was given in one of the places for it, else a fresh one."""
    given = (request.plan_seed, *request.seeds[:1], request.seed)
    fitting = [seed for seed in given if seed is not None and seed >= 0]
    return fitting[0] if fitting else draw_seed()


def _collected(work: Work, progress: Progressing | None, cancel: Cancel | None) -> Plan:
    """Runs a job to its end, or to where it is cancelled."""
    try:
        while True:
            step = next(work)
            if cancel is not None and cancel.is_set():
                raise Cancelled()
            if progress is not None:
                progress(step.stage, step.done, step.total)
    except StopIteration as end:
        plan: Plan = end.value
        return plan
    finally:
        work.close()
