"""The bridge from the policy to batches: reads what it needs from the store, keeps one policy for each revision."""

from __future__ import annotations

from collections.abc import Sequence

from engine.request import Request
from engine.seeds import draw_seed, fill_seeds
from sessions.batch import Ask, Batch
from sessions.policy import Policy, pins_for, policy_for, without_seeds
from sessions.revisions import Revision
from sessions.settings import LoopSettings
from sessions.store import Store
from sessions.summary import Summary
from sessions.take import Take
from sessions.take_names import child_name
from sessions.taste import Tasting
from sessions.thompson import Choice, choose, known


class Planner:
    """Makes batches for the loop and for people."""

    def __init__(self, store: Store, taste: Tasting) -> None:
        self._store, self._taste = store, taste
        self._policy: Policy | None = None

    def plan(self, revision: Revision, loop: LoopSettings, room: int, at_once: int = 1) -> Batch:
        """The loop's next batch, of at most ``room`` takes, and of ``at_once`` where the recipe says nothing.

        Reads the store, so not for the event loop's thread.
        """
        policy = self._policy
        if policy is None or policy.revision is not revision:
            policy = self._policy = policy_for(self._store, revision)
        policy.at_once = at_once
        pins = pins_for(self._store, revision.number, loop.policy)
        return policy.next(loop, room, pins, self._store.get, lambda: self._choice(revision, loop, pins))

    def _choice(self, revision: Revision, loop: LoopSettings, pins: Sequence[Summary]) -> Choice | None:
        """The way that a person's taste goes; None where it does not count, or new takes are too few to be known."""
        taste = self._taste.learnt
        if taste is None or revision.settings.scores.taste == 0:
            return None
        new, siblings = known(self._store, revision.number, [pin.number for pin in pins])
        only = loop.policy == "siblings"
        return choose(taste, [] if only else new, siblings, draw_seed()) if new or only else None

    @staticmethod
    def asked(request: Request, ask: Ask, parent: Take | None, operation: str, revision: int | None) -> Batch:
        """The batch of what a person wants."""
        count = request.batch_size or len(request.seeds) or 1
        wanted = () if request.use_random_seed else request.seeds or (request.seed,)
        fields = without_seeds(request)
        return Batch(
            request=fields,
            seeds=fill_seeds(wanted, count),
            retakes=fill_seeds(request.retake_seed, count) if request.retake_variance else (),
            revision=revision,
            operation=operation,
            parent=None if parent is None else parent.id,
            name=child_name(parent, fields),
            ask=ask,
        )
