"""Any sequence of commits, changes, trash, crashes and lost indexes, compared with a dictionary that cannot lose."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sessions.store import Store
from sessions.take import Take
from tests.sessions.takes import committed, render

CHANGES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "verdict": st.sampled_from(["pinned", "liked", "rejected", "heard", "unheard"]),
        "rating": st.none() | st.integers(0, 5),
        "note": st.text(max_size=6),
        "score": st.none() | st.sampled_from([0.1, 0.5]),
        "parts": st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from([0.2, 0.4])),
    },
)


class Sessions(RuleBasedStateMachine):
    """``model`` is what the session should hold, by number."""

    @initialize()
    def begin(self) -> None:
        self.patch = mock.patch.object(os, "fsync", return_value=None)
        self.patch.start()
        self.folder = Path(tempfile.mkdtemp(prefix="acetui-model-"))
        self.model: dict[int, Take] = {}
        self.highest = 0
        self.store = Store.open(self.folder)

    def pick(self, data: st.DataObject, **wanted: bool) -> int | None:
        numbers = [n for n, take in self.model.items() if all(getattr(take, k) == v for k, v in wanted.items())]
        return data.draw(st.sampled_from(sorted(numbers))) if numbers else None

    @rule(latents=st.booleans(), parent=st.booleans())
    def commit(self, latents: bool, parent: bool) -> None:
        chosen = self.model[min(self.model)].id if parent and self.model else None
        take = committed(self.store, latents=latents, parent=chosen)
        assert take.number > self.highest
        self.highest = take.number
        self.model[take.number] = take

    @precondition(lambda self: self.model)
    @rule(data=st.data(), changes=CHANGES)
    def change(self, data: st.DataObject, changes: dict[str, Any]) -> None:
        number = self.pick(data)
        assert number is not None
        self.model[number] = self.store.change(number, **changes)
        for name, value in changes.items():
            assert getattr(self.model[number], name) == value

    @rule(data=st.data(), there=st.booleans())
    def trash_or_restore(self, data: st.DataObject, there: bool) -> None:
        if (number := self.pick(data, trashed=there)) is not None:
            self.model[number] = (self.store.restore if there else self.store.trash)(number)
            assert self.model[number].trashed != there

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if (number := self.pick(data, trashed=True)) is not None:
            self.store.delete(number)
            del self.model[number]

    @rule()
    def a_number_that_comes_to_nothing(self) -> None:
        number = self.store.next_number()
        assert number > self.highest
        self.highest = number

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store.open(self.folder)
        assert self.store.report.lines() == []

    @rule(lose_index=st.booleans())
    def crash(self, lose_index: bool) -> None:
        """The process is gone; what was only promised, a number, may be given again."""
        self.store._living._index.close()
        if lose_index:
            (self.folder / "takes.db").unlink()
        self.highest = max([*self.model, self.store._numbers._written])
        self.store = Store.open(self.folder)
        assert [line for line in self.store.report.lines() if "index" not in line] == []

    @rule(data=st.data())
    def crash_before_the_index(self, data: st.DataObject) -> None:
        """Killed between the JSON of a change and the index."""
        if (number := self.pick(data)) is None:
            return
        with (
            mock.patch("sessions.writing._put", side_effect=KeyboardInterrupt),
            mock.patch.object(self.store, "_tell", side_effect=AssertionError),
        ):
            try:
                self.store.change(number, note="last words")
            except KeyboardInterrupt:
                self.model[number] = self.model[number].replace(note="last words")
        self.crash(lose_index=False)

    @rule()
    def crash_before_the_commit(self) -> None:
        """The engine has written a take, and nobody committed it: it is adopted."""
        take = render(self.store, latents=True)
        self.crash_silently()
        (adopted,) = self.store.report.adopted
        assert adopted > max(self.model, default=0)
        assert self.store.get(adopted).seed == take.seed
        self.model[adopted] = self.store.get(adopted)
        self.highest = max(self.highest, adopted)

    def crash_silently(self) -> None:
        self.store._living._index.close()
        self.highest = max([*self.model, self.store._numbers._written])
        self.store = Store.open(self.folder)

    @rule()
    def refresh(self) -> None:
        assert self.store.refresh().lines() == []

    @invariant()
    def nothing_is_lost(self) -> None:
        if not hasattr(self, "store"):
            return
        found = self.store.query("trashed or not trashed", "number", 1000)
        assert found.takes == [self.model[number] for number in sorted(self.model)]
        counts = self.store.counts()
        trashed = [take for take in self.model.values() if take.trashed]
        assert (counts.takes, counts.trashed) == (len(self.model) - len(trashed), len(trashed))
        for take in self.model.values():
            assert Take.from_json(self.store.path(take, "json").read_bytes()) == take
            assert all(self.store.path(take, kind).is_file() for kind in take.files)
        unheard = sum(take.verdict == "unheard" and not take.trashed for take in self.model.values())
        assert self.store.query("unheard").total == unheard == counts.unheard

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)
            self.patch.stop()


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
