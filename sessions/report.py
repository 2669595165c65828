"""The morning report: what a run of the loop has made, what became of it, and what it cost."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.scoring.ranking import are_ties
from sessions.batch import Batch
from sessions.disk import free_bytes, rank
from sessions.pace import Pace
from sessions.store import Store
from sessions.whole_files import write_whole

FOLDER = "reports"
BEST = 5
GB = 10**9


@dataclass
class Run:
    """One run of the loop, from on to off. Times are the event loop's clock, which no change of date moves."""

    began: float
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    ended: float | None = None
    reason: str = ""
    made: list[int] = field(default_factory=list)
    """Numbers of the takes."""

    batches: int = 0
    """How many were planned."""

    pace: Pace = field(default_factory=Pace)
    failed: Counter[str] = field(default_factory=Counter)
    """Takes that did not come to be, by why."""

    skipped: int = 0
    trashed: int = 0
    best: float | None = None
    busy: float = 0.0
    """Seconds for which the engine has made takes; of several, on the average."""

    deaths: int = 0
    recycled: int = 0
    error: EngineError | None = None
    """The last failure of a take."""

    def numbered(self, batch: Batch) -> Batch:
        """The next batch of the run, with its number."""
        self.batches += 1
        return replace(batch, number=self.batches)


@dataclass(frozen=True, kw_only=True)
class MorningReport:
    """The figures of a run that is over."""

    session: str
    started: str
    seconds: float
    reason: str
    made: int
    kept: int
    trashed: int
    skipped: int
    failed: dict[str, int]
    best: tuple[dict[str, Any], ...]
    level: int
    """How many takes are as good as the first of them, it included; 0 where none has a score."""

    busy_seconds: float
    busy_share: float
    engine_deaths: int
    engine_recycled: int
    bytes_used: int
    bytes_free: int | None

    @classmethod
    def of(cls, run: Run, store: Store, now: float) -> MorningReport:
        """The report of a run; reads the store, so not for the event loop's own thread."""
        seconds = max((run.ended if run.ended is not None else now) - run.began, 0.0)
        numbers = set(run.made)
        here = [take for take in store.summaries()[0] if take.number in numbers]
        free = None
        with contextlib.suppress(OSError):
            free = free_bytes(store.folder)
        return cls(
            session=store.folder.name,
            started=run.started,
            seconds=round(seconds, 1),
            reason=run.reason,
            made=len(run.made),
            kept=len(here),
            trashed=run.trashed,
            skipped=run.skipped,
            failed=dict(run.failed),
            best=tuple(
                {"number": take.number, "name": take.name, "score": take.score, "seed": take.seed}
                for take in sorted(here, key=rank)[:BEST]
            ),
            level=_level([take.score for take in sorted(here, key=rank) if not take.faulty]),
            busy_seconds=round(run.busy, 1),
            busy_share=round(min(run.busy / seconds, 1.0), 3) if seconds else 0.0,
            engine_deaths=run.deaths,
            engine_recycled=run.recycled,
            bytes_used=store.usage(),
            bytes_free=free,
        )

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON has them."""
        return {**asdict(self), "best": list(self.best)}

    def text(self) -> str:
        """The report as a person reads it in the morning."""
        lines = [f"# {self.session}, {self.started}", "", f"Ended after {_span(self.seconds)}: {self.reason}.", ""]
        lines.append(f"- made {self.made}, kept {self.kept}, moved to the trash {self.trashed}, skipped {self.skipped}")
        lines.append(
            f"- failed {sum(self.failed.values())}" + "".join(f"\n  - {n} x {why}" for why, n in self._failed())
        )
        lines.append(f"- engine busy {self.busy_share:.0%} of the time ({_span(self.busy_seconds)})")
        if self.engine_deaths or self.engine_recycled:
            lines.append(f"- engine died {self.engine_deaths} times, was replaced {self.engine_recycled} times")
        free = "" if self.bytes_free is None else f", {self.bytes_free / GB:.1f} GB free"
        lines.append(f"- disk: {self.bytes_used / GB:.2f} GB of takes{free}")
        if self.best:
            level = f" ({self.level} are level, and stand in the order of their numbers)" if self.level > 1 else ""
            lines += ["", f"Best takes{level}:" if self.level else "Takes, of which none has a score:"]
            lines += [f"- {take['number']:04} {take['name']}, {_score(take['score'])}" for take in self.best]
        return "\n".join(lines) + "\n"

    def save(self, session: Path) -> Path | None:
        """Writes the text into the session's folder; None where that is not possible, which is no reason to fail."""
        stem = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        for attempt in range(100):
            path = session / FOLDER / f"{stem}{f'-{attempt}' if attempt else ''}.md"
            if path.exists():
                continue
            try:
                write_whole(path, self.text().encode("utf-8", "replace"))
            except EngineError:
                return None
            return path
        return None

    def _failed(self) -> list[tuple[str, int]]:
        return sorted(self.failed.items(), key=lambda each: -each[1])


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{seconds:.1f} s"


def _level(scores: Sequence[float | None]) -> int:
    """How many of some scores, the best first, are ties with the first."""
    return 0 if not scores or scores[0] is None else sum(are_ties(score, scores[0]) for score in scores)


def _score(score: float | None) -> str:
    return "not scored" if score is None else f"score {score:.2f}"
