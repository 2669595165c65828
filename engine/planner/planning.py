"""The planner as an engine has it: loaded when it is first wanted, and asked for drafts of whole batches."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.checkpoints import Component, open_planner, settings_hash, verify, weights_hash
from engine.config import LMConfig
from engine.errors import BadCheckpoint
from engine.events import Progress
from engine.headers import StoredTensor
from engine.memory import available_bytes
from engine.models.text import read_tokenizer
from engine.moving import mover_for
from engine.outfit import Outfit
from engine.planner.draws import Sampling
from engine.planner.jobs import Parts, Planner, Work
from engine.planner.plan import Plan
from engine.planner.vocabulary import LONGEST
from engine.request import Request
from engine.sampling.noise import PLANNER, philox
from engine.tasks import TASKS
from engine.turns import Guest, Turns, Waiting

DRAFTS = PLANNER + 2
"""The stream of a batch's first seed that the seeds of further drafts are drawn from."""

Planned = Generator[Progress, None, tuple[Request, list[Plan]]]


@dataclass(frozen=True)
class PlannerFiles:
    """A planner's folder, and where its tensors lie."""

    component: Component[LMConfig]
    found: Mapping[str, StoredTensor]
    on: bool = True
    """Whether takes are planned with it; for a planner's other jobs it is there in any case."""

    longest: int = LONGEST
    """Seconds that a plan may be long."""

    draft: PlannerFiles | None = None
    """A smaller planner that is ahead of it where codes are written (``engine.planner.ahead``)."""

    @classmethod
    def of(cls, fitted: Outfit, *, named: bool) -> PlannerFiles | None:
        """Those of a set. A planner that was named must be whole; of others, one that is damaged is left out."""
        lm = fitted.models.lm
        if lm is None:
            return None
        try:
            return cls(lm, verify(lm), fitted.planner_on, fitted.longest)
        except BadCheckpoint:
            if named:
                raise
            return None

    @classmethod
    def drafted(cls, planner: PlannerFiles | None, root: str | Path, name: str) -> PlannerFiles:
        """``planner`` with the one called ``name`` ahead of it; BadCheckpoint where they do not go together."""
        draft = open_planner(root, name)
        if planner is None:
            raise BadCheckpoint(
                f"There is no planner that {draft.name} could be the draft of.",
                "Leave --lm-draft out, or name one: --lm.",
            )
        if not _same_tokens(draft, planner.component):
            raise BadCheckpoint(
                f"{draft.name} cannot be the draft of {planner.component.name}: they have other tokens.",
                "Name a smaller planner of the same family, or leave --lm-draft out.",
            )
        return replace(planner, draft=cls(draft, verify(draft)))


def _same_tokens(one: Component[LMConfig], other: Component[LMConfig]) -> bool:
    """Whether two planners read and write by the same tokenizer."""
    paths = [each.tokenizer for each in (one, other) if each.tokenizer is not None]
    first, second = (path.read_bytes() for path in paths)
    if first == second:
        return True
    return read_tokenizer(paths[0]).get_vocab() == read_tokenizer(paths[1]).get_vocab()


class Planning:
    """An engine's planner, or that it has none."""

    def __init__(self, files: PlannerFiles | None, codes: int, like: Tensor, turns: Turns | None = None) -> None:
        """``codes`` is how many the model knows; the planner is loaded to where ``like`` is, in its dtype.

        With ``turns`` it is there only while it works. Meanwhile its weights wait beside a card as those of others do
        (``engine.turns``), where the computer has memory enough for them; else they are read from their files again.
        """
        self._files, self._codes, self._like, self._turns = files, codes, like, turns
        self._planner: Planner | None = None
        self._mover = mover_for(like.device) if turns is not None and like.device.type != "cpu" else None
        self._parts: Parts | None = None
        """What it is made of, while it waits."""

        self._waiting: tuple[Waiting, ...] = ()
        self._identity: dict[str, Any] = {}
        if turns is not None:
            turns.invite("planner", Guest(lambda: None, self._leave))

    @property
    def name(self) -> str | None:
        """The planner's name; None where there is none."""
        return self._files.component.name if self._files else None

    def wanted(self, request: Request) -> bool:
        """Whether a render of ``request`` begins with a plan; where codes or a source are given, there is none.

        Not with ``thinking`` off. Where it is left open by a model that does not follow codes, there are none in it.
        """
        task = TASKS[request.task_type]
        on = self._files is not None and self._files.on
        follows = request.audio_codes or request.flow_edit_morph
        return on and request.thinking is not False and task.planner == "codes" and not follows

    @property
    def loaded(self) -> Planner | None:
        """The planner if it is loaded; asking for it does not load it."""
        return self._planner

    def ready(self) -> Planner:
        """The planner, loaded now if it was not; BadCheckpoint where there is none."""
        if self._files is None:
            raise BadCheckpoint(
                "There is no planner among these models.",
                "'acetui models get 1.7B' brings one, if it was not left out with --lm none.",
            )
        if self._turns is not None:
            self._turns.take("planner")
        if self._planner is None and self._parts is not None:
            for each in self._waiting:
                each.enter()
            self._planner, self._parts = self._parts.planner(), None
        if self._planner is None:
            component = self._files.component
            identity = {
                "model": component.name,
                "weights": weights_hash(component),
                "settings": settings_hash(component),
            }
            self._planner = Planner.load(
                component, self._files.found, self._codes, self._like, identity, self._files.longest
            )
            if (draft := self._files.draft) is not None:
                self._planner.follow(draft.component, draft.found, self._like)
            self._identity = identity
        return self._planner

    def _leave(self) -> None:
        """Gives the memory back; the next job has it come, or loads it again."""
        if self._planner is None or self._mover is None:
            self._planner = None
            return
        parts, self._planner = self._planner.parts, None
        if not self._waiting and not _has_room(parts):
            return
        self._waiting = self._waiting or tuple(Waiting(each, self._mover) for each in parts.networks)
        for each in self._waiting:
            each.leave()
        self._parts = parts

    @torch.no_grad()
    def drafts(self, request: Request) -> Planned:
        """A resolved ``request`` with its plan beside it, and for each of its seeds the plan, with that seed's codes.

        Where more drafts are wanted than takes, the best of them stay, and with them their seeds.
        """
        yield Progress("planner", 0, 1)
        planner = self.ready()
        plan = yield from planner.plan(request, request.plan_seed or 0)
        request = plan.onto(request)
        if not request.thinking:
            return request, [plan] * len(request.seeds)
        seeds = _draft_seeds(request)
        plans = yield from planner.codes(request, plan, seeds)
        if len(seeds) > len(request.seeds):
            best = sorted(range(len(seeds)), key=lambda place: -plans[place].merit)[: len(request.seeds)]
            kept = sorted(best)  # among themselves they stay in their order
            request = request.replace(seed=seeds[kept[0]], seeds=tuple(seeds[place] for place in kept))
            plans = [plans[place] for place in kept]
        return request, plans

    def told(self, plan: Plan) -> dict[str, Any]:
        """What a take remembers of its plan."""
        return {**plan.told, **self._identity}

    # --- the jobs of their own ---------------------------------------------------------------------------------------

    def plan(self, request: Request) -> Work:
        """The plan of a resolved request, with the codes of its first seed where codes are wanted."""
        yield Progress("planner", 0, 1)
        planner = self.ready()
        plan = yield from planner.plan(request, request.plan_seed or 0)
        if request.thinking:
            request, (plan, *_) = yield from self._first(plan, request)
        return plan

    def _first(self, plan: Plan, request: Request) -> Planned:
        """The best draft of a request that asks for one take."""
        one = request.replace(seeds=request.seeds[:1], batch_size=1)
        seeds = _draft_seeds(one)
        plans = yield from self.ready().codes(one, plan, seeds)
        return one, [max(plans, key=lambda each: each.merit)]

    def sample(self, request: Request, query: str, seed: int, sampling: Sampling) -> Work:
        """A sentence to a whole song description; of the request, language and whether anybody sings hold."""
        yield Progress("planner", 0, 1)
        return (yield from self.ready().sample(request, query, seed=seed, sampling=sampling))

    def format(self, request: Request, seed: int, sampling: Sampling) -> Work:
        """The request's caption and lyrics, polished."""
        yield Progress("planner", 0, 1)
        return (yield from self.ready().format(request, seed=seed, sampling=sampling))

    def understand(self, request: Request, codes: tuple[int, ...], seed: int, sampling: Sampling) -> Work:
        """Codes to caption, lyrics and metadata."""
        yield Progress("planner", 0, 1)
        return (yield from self.ready().understand(request, codes, seed=seed, sampling=sampling))


def _has_room(parts: Parts) -> bool:
    """Whether the computer has memory for weights to wait in, and as much again for everything else."""
    sizes = (each.numel() * each.element_size() for network in parts.networks for each in network.parameters())
    return available_bytes() > 2 * sum(sizes)


def _draft_seeds(request: Request) -> list[int]:
    """The request's seeds, and behind them those of further drafts, which follow from the first."""
    more = max(0, request.draft_plans - len(request.seeds))
    words, _ = philox(request.seeds[0], DRAFTS, more)
    return [*request.seeds, *(int(word) for word in words)]
