"""The bookkeeping around the estimators, with engines that play the songs themselves, or always the same."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from engine.request import Request
from engine.scoring import metre
from tools.nano.measure import __main__ as command
from tools.nano.measure import held_out, report
from tools.nano.measure.codec import CodecRow
from tools.nano.measure.takes import Heard, distance, measure_takes, shares

SECONDS = 3.0


@dataclass
class Played:
    audio: np.ndarray


class Faithful:
    """Plays what was asked for, another song for another seed; ``forgetful`` ones forget what they played."""

    def __init__(self, *, forgetful: bool = False, samples: int | None = None) -> None:
        self.requests: list[Request] = []
        self.forgetful, self.samples = forgetful, samples

    def render(self, request):
        self.requests.append(request)
        rng = np.random.default_rng()
        takes = []
        for seed in request.seeds:
            beat = 60 / request.bpm
            t = np.arange(self.samples or round(request.duration * 48_000)) / 48_000
            burst = np.exp(-40 * (t % beat)) * np.random.default_rng(seed).standard_normal((2, len(t)))
            takes.append(Played((0.1 * burst + self.forgetful * 1e-3 * rng.standard_normal()).astype(np.float32)))
        return takes


class Stuck:
    """Plays one thing, whatever it is asked for."""

    def render(self, request):
        t = np.arange(round(request.duration * 48_000)) / 48_000
        return [Played(np.stack([np.sin(2000 * t)] * 2).astype(np.float32)) for _ in request.seeds]


@pytest.fixture(scope="module")
def measured():
    engine = Faithful()
    return engine, measure_takes(engine, count=3, duration=SECONDS, seed=held_out.TAKES_FROM)


def test_requests_say_what_the_songs_are(measured):
    engine, _ = measured
    asked = [request for request in engine.requests if len(request.seeds) == 2]
    assert [request.seeds for request in asked] == [(0, 1), (2, 3), (4, 5)]
    for number, request in enumerate(asked):
        song = held_out.compose(held_out.TAKES_FROM + number, duration=SECONDS)
        assert (request.bpm, request.keyscale, request.timesignature) == (song.bpm, song.key, str(song.meter))
        assert request.caption
        assert request.duration == SECONDS


def test_faithful_takes(measured):
    _, found = measured
    assert found.exact_length == 1
    assert (found.takes.count, found.songs.count, found.chance.count) == (6, 3, 6)
    assert found.seeds.repeated == found.seeds.repeated_equal == 1
    assert found.seeds.same_request > 0
    assert found.takes.style is None
    for part in (found.takes, found.songs, found.chance, *found.by_style.values()):
        assert sum(part.tempo.values()) == pytest.approx(1)
        assert sum(part.key.values()) == pytest.approx(1)
    assert sum(part.count for part in found.by_style.values()) == 6


def test_an_engine_that_does_not_listen_is_found_out():
    found = measure_takes(Stuck(), count=2, duration=SECONDS, seed=held_out.TAKES_FROM)
    assert found.seeds.same_request == found.seeds.relative == 0
    assert found.seeds.songs_relative > 0


def test_wrong_lengths_and_forgotten_seeds_are_found_out():
    found = measure_takes(
        Faithful(forgetful=True, samples=100_000), count=2, duration=SECONDS, seed=held_out.TAKES_FROM
    )
    assert found.exact_length == 0
    assert (found.seeds.repeated, found.seeds.repeated_equal) == (1, 0)


def test_only_held_out_songs_are_measured():
    with pytest.raises(ValueError, match="start at 10000000"):
        measure_takes(Stuck(), count=2, duration=SECONDS, seed=9_999_999)
    with pytest.raises(ValueError, match="at least 2"):
        measure_takes(Stuck(), count=1, duration=SECONDS, seed=held_out.TAKES_FROM)


def test_a_song_like_another_shares_what_a_request_names():
    song = held_out.compose(held_out.TAKES_FROM, duration=SECONDS)
    other = held_out.compose(held_out.TAKES_FROM + 1, duration=SECONDS, like=song)
    assert (other.style, other.bpm, other.key, other.meter) == (song.style, song.bpm, song.key, song.meter)


def test_shares_of_verdicts():
    pieces = [
        Heard("rock", 120, 120, "right", "A minor", "A minor", "same", "rock"),
        Heard("rock", 120, 60, "octave", "A minor", "C major", "relative", "house"),
    ]
    found = shares(pieces)
    assert found.tempo == {"right": 0.5, "octave": 0.5, "metrical": 0, "other": 0}
    assert (found.key["same"], found.key["relative"], found.style) == (0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="nothing"):
        shares([])


def test_distance_is_in_decibels():
    assert distance(np.zeros((5, 40), np.float32), np.full((7, 40), 6, np.float32)) == 6
    assert distance(np.zeros((0, 40), np.float32), np.zeros((3, 40), np.float32)) == 0


def test_reports_can_be_written_and_read(measured, tmp_path):
    _, found = measured
    row = CodecRow("codec", 0.1, 0.2, 0.3, 12.0, 51.2)
    report.write_json(tmp_path / "figures.json", {"takes": found, "codec": [row]})
    read = json.loads((tmp_path / "figures.json").read_text())
    assert read["takes"]["seeds"]["relative"] == pytest.approx(found.seeds.relative)
    assert len(read["takes"]["pieces"]) == 6
    assert read["codec"][0]["si_sdr_db"] == 12
    for table in (report.codec_table([row]), report.style_table({"": 0.5, "rock": 1.0}), report.takes_tables(found)):
        widths = {line.count("|") for line in table.split("\n\n")[0].splitlines()}
        assert len(widths) == 1
    with pytest.raises(TypeError, match="no form"):
        report.write_json(tmp_path / "figures.json", {"a": object()})


def test_command_line_learns_styles(tmp_path, capsys):
    kept, figures = tmp_path / "made" / "style.npz", tmp_path / "figures.json"
    arguments = ["style", "--songs", "8", "--duration", "2", "--classifier", str(kept), "--out", str(figures)]
    assert command.main(arguments) == 0
    assert kept.exists()
    assert "recognised" in capsys.readouterr().out
    assert 0 <= json.loads(figures.read_text())["style"]["songs"][""] <= 1


def test_command_line_learns_tempo(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(metre, "LEARNED", tmp_path / "metre.json")
    figures = tmp_path / "figures.json"
    assert command.main(["tempo", "--songs", "6", "--duration", "4", "--out", str(figures)]) == 0
    assert metre.LEARNED.exists()
    assert "octave" in capsys.readouterr().out
    assert sum(json.loads(figures.read_text())["tempo"]["songs"].values()) == pytest.approx(1)
    monkeypatch.undo()
    metre.weights.cache_clear()


def test_command_line_wants_models(tmp_path, capsys):
    with pytest.raises(SystemExit):
        command.main(["takes"])
    assert command.main(["codec", "--models", str(tmp_path / "none")]) == 3
    assert "none" in capsys.readouterr().err
