"""The morning report: figures and words."""

from __future__ import annotations

from pathlib import Path

from sessions.report import MorningReport, Run
from sessions.store import Store
from tests.sessions.takes import committed
from tests.sessions.test_policy import take


def test_the_figures_of_a_run_and_nothing_of_others(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for number, score in enumerate((0.9, 0.3, None, 0.7), 1):
            (tmp_path / f"takes/{number:04}-x.flac").write_bytes(b"12345")
            (tmp_path / f"latents/{number:04}.safetensors").write_bytes(b"123")
            store.commit(take(number, score=score))
        store.trash(3)
        run = Run(100.0, started="2026-01-02T03:04:05+00:00", ended=300.0, reason="8 hours are over", trashed=1)
        run.made, run.busy, run.skipped = [2, 3, 4], 150.0, 2
        run.failed.update({"The render is silent.": 3, "It died.": 5})
        report = MorningReport.of(run, store, now=999.0)
        assert (report.made, report.kept, report.trashed, report.skipped, report.seconds) == (3, 2, 1, 2, 200.0)
        assert (report.busy_share, report.busy_seconds) == (0.75, 150.0)
        assert [best["number"] for best in report.best] == [4, 2]
        assert report.bytes_used == 4 * 8
        assert report.to_dict()["failed"] == {"The render is silent.": 3, "It died.": 5}
    text = report.text()
    for words in (
        "Ended after 3 min 20 s: 8 hours are over.",
        "made 3, kept 2, moved to the trash 1, skipped 2",
        "failed 8\n  - 5 x It died.\n  - 3 x The render is silent.",
        "busy 75% of the time (2 min 30 s)",
        "0004 x, score 0.70",
    ):
        assert words in text


def test_reports_are_kept_beside_each_other(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        report = MorningReport.of(Run(0.0, ended=1.0), store, now=1.0)
    paths = {report.save(tmp_path) for _ in range(3)}
    assert len(paths) == 3
    (tmp_path / "file").touch()
    assert report.save(tmp_path / "file") is None


def test_a_run_of_no_time_at_all(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        report = MorningReport.of(Run(5.0, ended=5.0), store, now=5.0)
    assert (report.busy_share, report.made, report.best) == (0.0, 0, ())
    assert "Best takes" not in report.text()


def test_what_is_level_is_said_to_be_level(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        made = [committed(store, score=score).number for score in (0.7, 0.9, 0.9, None)]
        told = MorningReport.of(Run(0.0, ended=1.0, made=made), store, now=1.0)
        unscored = MorningReport.of(Run(0.0, ended=1.0, made=made[3:]), store, now=1.0)
    assert told.level == 2
    assert "Best takes (2 are level, and stand in the order of their numbers):" in told.text()
    assert (unscored.level, "Takes, of which none has a score:" in unscored.text()) == (0, True)
