"""Makes index and folder agree when a session is opened: the folder is right, and nothing in it is ever removed.

How much is looked at depends on how the session ended:

- It was closed, and the folder still looks as it did then (``scan.fingerprint``): nothing is looked at.
- It was not closed, or somebody changed the folder meanwhile: names and JSON signatures are compared with the index,
  and only what differs is read. A rewritten JSON has another inode than the one before it, so none can be missed.
- The index is gone, damaged or of another version: every JSON is read.

Only JSON that somebody edits in place while the session is closed is noticed later, by ``Store.refresh``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import EngineError
from engine.file_names import LATENTS_SUFFIX
from engine.files import sweep_dead
from sessions.adopt import NotATake, adopted
from sessions.entries import entry_of, set_aside
from sessions.findings import Report
from sessions.home import bring_home
from sessions.index import WEIGHED, Entry, Index, Known
from sessions.numbers import Numbers
from sessions.scan import AUDIO_SUFFIXES, TRASH, Listing, latents_name, number_of, scan, size
from sessions.take import LATENTS_ONLY, MISSING, WHOLE, BrokenTake, NewerTake, Take
from sessions.trash import NotMoved, move, settle
from sessions.untangle import entangled, named_after, untangled
from sessions.whole_files import write_whole

__all__ = ["Report", "reconcile"]

_BATCH = 500

Progress = Callable[[int, int], None]


def reconcile(
    folder: Path, index: Index, numbers: Numbers, *, writable: bool, progress: Progress | None = None
) -> Report:
    """Brings ``index`` up to date with ``folder``, and puts right in ``folder`` what crashes and hands have left.

    Where it is not ``writable``, only the index changes. Raises what ``index.FAILURES`` names, and OSError for a
    folder that cannot be read.
    """
    work = _Work(folder, index, numbers, writable, progress or (lambda done, total: None))
    work.look()
    if writable:
        for room in (".", *sorted(work.listing.hidden), "sources"):
            work.report.swept += sweep_dead(folder / room)
    with index.transaction():
        work.forget_what_is_gone()
        work.check_what_is_known()
        work.read_what_is_new()
        work.adopt_what_has_no_json()
    work.find_loose_latents()
    return work.report


@dataclass
class _Work:
    """One reconciliation: what was seen, and what is known so far."""

    folder: Path
    index: Index
    numbers: Numbers
    writable: bool
    progress: Progress
    report: Report = field(default_factory=Report)
    listing: Listing = field(default_factory=Listing)
    known: dict[str, Known] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    """JSON files whose takes are in the index as they are."""

    used: dict[int, str] = field(default_factory=dict)
    """Numbers of settled takes, and by which JSON."""

    ids: dict[str, str] = field(default_factory=dict)
    claimed: set[str] = field(default_factory=set)
    """Audio and latents of settled takes, by where they belong."""

    loose: set[str] = field(default_factory=set)
    """The names that were no settled take's before anything new was read."""

    remembered: dict[str, Take] = field(default_factory=dict)
    """Takes whose JSON is gone or broken, by their audio: what the index knew of them."""

    lost: list[int] = field(default_factory=list)
    waiting: list[Entry] = field(default_factory=list)

    def look(self) -> None:
        self.listing = scan(self.folder)
        self.known = self.index.known()
        self.numbers.seen(self.index.highest())

    def forget_what_is_gone(self) -> None:
        gone = [file for file in self.known if file not in self.listing.json]
        for file in gone:
            self._remember(self.known[file])
        self.lost = [self.known.pop(file).number for file in gone]
        self.index.remove(self.lost)

    def check_what_is_known(self) -> None:
        """Of a take whose JSON is as it was, only what else is there may have changed.

        A start after a crash waits for this: what can be done for all takes at once is not done for each.
        """
        looks, there = self.listing.json, self.listing.names
        same = [row for row in self.known.values() if looks[row.file] == row.signature]
        same = [row for row in same if row.file.startswith(TRASH) == bool(row.trashed)]
        self.used = {row.number: row.file for row in same}
        self.ids = {row.id: row.file for row in same}
        self.settled = set(self.used.values())
        self.claimed = {row.audio for row in same} | {row.latents for row in same if row.latents is not None}
        for row in same:
            room = TRASH if row.trashed else ""
            latents = row.latents is not None and room + row.latents in there
            stored = WHOLE if room + row.audio in there else LATENTS_ONLY if latents else MISSING
            if stored != row.stored or latents != bool(row.has_latents):
                sizes = [size(f"{self.folder}/{room}{name}") if name else 0 for name in (row.audio, row.latents)]
                self.index.set_state(row.number, stored, *sizes)
                self._tell_state(row.number, row.stored, stored)
        loose = there - self.settled - self.claimed
        self.loose = {name for name in loose if name.removeprefix(TRASH) not in self.claimed}
        self.numbers.seen(max((number_of(name.rpartition("/")[2]) or 0 for name in self.loose), default=0))

    def read_what_is_new(self) -> None:
        """First the takes that nothing speaks against; the others then give way to all of them."""
        files = sorted(self.listing.json.keys() - self.settled)
        later = []
        for done, file in enumerate(files):
            self.progress(done, len(files))
            if (take := self._read(file)) is None:
                continue
            self.numbers.seen(take.number)
            named = named_after(file, take, self.listing)
            plain = named is take and number_of(file.rpartition("/")[2]) == take.number
            if plain and not entangled(take, self.used, self.ids, self.claimed):
                self._take_in(take, file)
            else:
                later.append(file)
        for file in later:
            if (take := self._read(file)) is not None:
                named = named_after(file, take, self.listing)
                free = untangled(named, self.numbers.next, self.used, self.ids, self.claimed)
                if free.number != take.number:
                    self.report.renumbered.append((take.number, free.number))
                if free is not take:
                    try:
                        self._write(free, file)
                    except EngineError as trouble:  # a full disk; the next start tries again
                        self.report.troubles.append(str(trouble))
                self._take_in(free, file)
        self._flush()
        if files:
            self.index.drop_note(WEIGHED)  # in a file is the score of when it was written

    def adopt_what_has_no_json(self) -> None:
        takes = (name for name in self.loose if name.startswith("takes/"))
        for name in sorted(name for name in takes if name not in self.claimed and name not in self.listing.json):
            path = Path(name)
            if path.suffix in AUDIO_SUFFIXES and str(path.with_suffix(".json")) not in self.listing.json:
                self._adopt(path)
        self._flush()
        self.report.gone = sorted(set(self.lost) - self.used.keys())

    def find_loose_latents(self) -> None:
        """Names what no take has; but a second name of latents that a take has goes (see ``home``)."""
        rooms = ("takes/", "latents/", f"{TRASH}latents/")
        for name in sorted(name for name in self.loose if name.endswith(LATENTS_SUFFIX) and name.startswith(rooms)):
            path = self.folder / name
            if name.removeprefix(TRASH) not in self.claimed and path.exists():
                if self.writable and self._has_another_name(path):
                    path.unlink()
                else:
                    self.report.loose_latents.append(name)

    def _has_another_name(self, path: Path) -> bool:
        """Whether a take has the very same file as its latents."""
        if path.stat().st_nlink == 1:
            return False
        claimed = (self.folder / name for name in self.claimed if name.startswith("latents/"))
        return any(twin.exists() and twin.samefile(path) for twin in claimed)

    # --- one take ----------------------------------------------------------------------------------------------------

    def _remember(self, row: Known) -> None:
        """Keeps what the index knows of a take whose audio is still there."""
        if not row.trashed and row.audio in self.listing.names:
            with contextlib.suppress(EngineError):
                take = self.index.get(row.number)
                if take is not None and take.files["audio"] == row.audio:
                    self.remembered[row.audio] = take

    def _tell_state(self, number: int, before: str, now: str) -> None:
        if before != now:
            (self.report.returned if now == WHOLE else self.report.marked).append(number)

    def _read(self, file: str) -> Take | None:
        """The take in a JSON; None for one that is newer, or broken and out of the way now."""
        path = self.folder / file
        try:
            return Take.from_json(path.read_bytes())
        except NewerTake:
            self.report.newer.append(file)
        except BrokenTake:
            if (row := self.known.get(file)) is not None:
                self._remember(row)
            try:
                name = set_aside(path) if self.writable else path.name
                self.report.broken.append(f"{Path(file).parent}/{name}")
                del self.listing.json[file]
            except OSError as cause:
                self.report.troubles.append(f"{file} is not a take, and could not be set aside ({cause.strerror}).")
        except OSError as cause:
            self.report.troubles.append(f"{file} could not be read ({cause.strerror}).")
        self.index.drop_file(file)
        return None

    def _write(self, take: Take, file: str) -> None:
        if self.writable:
            write_whole(self.folder / file, take.to_json(), overwrite=True)

    def _take_in(self, take: Take, file: str) -> None:
        """Settles a take: its files go where they belong, and it goes into the index."""
        if self.writable:
            try:
                file = self._home(take, file)
            except (OSError, NotMoved) as cause:
                self.report.troubles.append(str(cause))
        entry = entry_of(self.folder, take, file)
        self._tell_state(take.number, take.stored, entry.take.stored)
        self.used[take.number] = self.ids[take.id] = file
        self.claimed |= set(take.files.values())
        self.waiting.append(entry)
        if len(self.waiting) >= _BATCH:
            self._flush()

    def _home(self, take: Take, file: str) -> str:
        """Where the JSON is once it has its own name again and lies where it says that it does."""
        room = TRASH if file.startswith(TRASH) else ""
        move(self.folder / file, self.folder / (room + take.json_name))
        if take.trashed == bool(room):
            return room + take.json_name
        place = settle(self.folder, take)
        self.report.moved.append(take.number)
        return place

    def _adopt(self, path: Path) -> None:
        """Makes a take of audio without JSON, as the index remembers it or as its tags tell."""
        take = self.remembered.get(str(path))
        found = self.report.restored if take is not None else self.report.adopted
        prefix = number_of(path.name)
        try:
            if take is None:
                take = adopted(self.folder / path, prefix or 1)
                take = take if prefix else take.replace(number=self.numbers.next())
                take = self._with_latents(take, path)
            take = untangled(take, self.numbers.next, self.used, self.ids, self.claimed)
            if self.writable and str(path) not in self.remembered:
                take = bring_home(self.folder, take)
            self._write(take, take.json_name)
        except NotATake as why:
            self.report.strays.append(str(why))
            return
        except EngineError as trouble:
            self.report.troubles.append(str(trouble))
            return
        found.append(take.number)
        self._take_in(take, take.json_name)

    def _with_latents(self, take: Take, path: Path) -> Take:
        """``take`` with the latents that lie beside its audio, or that have its number."""
        for name in (f"takes/{path.stem}{LATENTS_SUFFIX}", latents_name(take.number)):
            if name in self.listing.names:
                return take.replace(files={**take.files, "latents": name})
        return take

    def _flush(self) -> None:
        self.index.put(self.waiting)
        self.waiting = []
