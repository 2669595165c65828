"""The boundary between revisions, as people see it: "from take 37: bpm 90 -> 96"."""

from __future__ import annotations

from sessions.batch import SIBLING
from sessions.changes import summary
from sessions.events import EventLog
from sessions.lists import Lists
from sessions.revisions import Revision
from sessions.take import Take


class Boundary:
    """Watches for the first take of another revision than the one before. Siblings belong to their parents'."""

    def __init__(self, events: EventLog, revision: Revision) -> None:
        self._events = events
        self._number: int | None = None
        self._before = revision

    def remember(self, store: Lists) -> None:
        """Begins after the last take that is there."""
        last = store.summaries(f"operation!={SIBLING} and revision!=none", limit=1)[0]
        self._number = last[0].revision if last else None

    def crossed(self, take: Take, revision: Revision, state: str) -> None:
        """A take is about to be told of; ``revision`` is the current one, ``state`` the loop's."""
        if take.operation == SIBLING or take.revision is None:
            return
        before, self._number = self._number, take.revision
        if before in (None, take.revision) or take.revision != revision.number:
            return
        changed = summary(self._before.settings, revision.settings) or revision.changed
        self._before = revision
        self._events.publish(
            "loop",
            state=state,
            reason=f"from take {take.number}: {changed}",
            revision=revision.number,
            boundary={"take": take.number, "revision": revision.number, "changed": changed},
        )
