"""What the models say of a take, on its way from a render to its take object."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from engine import Engine, Request, take_files
from engine.encoding import write
from engine.overhearing import Overhearing, spoken
from engine.planner.planning import Planning
from engine.planner.recall import Recall
from engine.prompt import lyric_prompt
from engine.protocol import Output
from engine.take import Take
from engine.take_files import take_object
from engine.testing.vocabulary import build_tokenizer

pytestmark = pytest.mark.usefixtures("one_thread")

LYRICS = "[Verse]\nneon rivers rün\nbelow the wire"
ASKED = {"caption": "slow jazz", "lyrics": LYRICS, "vocal_language": "en", "bpm": 90, "duration": 2.0, "seed": 3}


@pytest.fixture(scope="module")
def engine(tiny_turbo: Path, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A set whose first layers have heads that follow the words, as it says."""
    models = tmp_path_factory.mktemp("heads") / "set"
    shutil.copytree(tiny_turbo, models, copy_function=os.link)
    file = models / "acestep-v15-turbo" / "config.json"
    config = json.loads(file.read_text())
    file.unlink()
    file.write_text(json.dumps(config | {"lyric_alignment_layers_config": {"0": [1], "1": [0, 1]}}))
    return Engine.load(models, device="cpu", dtype="float32")


def rendered(engine: Engine, **fields: object) -> Take:
    (take,) = engine.render(Request.from_dict({**ASKED, "use_random_seed": False, "thinking": False, **fields}))
    return take


def test_a_take_is_called_after_what_was_written_else_after_its_plan(engine: Engine) -> None:
    planned = "house music, four on the floor drums"
    for caption, name in (("Neon drive, slow", "neon drive"), (" ", "house music")):
        take = rendered(engine, caption=caption, cot_caption=planned)
        assert take_object(take, {})["name"] == name == take_files._tags(take, Output(".", "x"))["title"]


def test_words_are_found_in_their_prompt() -> None:
    tokenizer: Tokenizer = build_tokenizer()
    request = Request(lyrics=LYRICS, vocal_language="en")
    words, texts = spoken(tokenizer, request)
    assert "".join(texts) == LYRICS
    ids = tokenizer.encode(lyric_prompt(request), add_special_tokens=False).ids
    assert tokenizer.decode(ids[words], skip_special_tokens=False) == LYRICS
    assert len(texts) == words.stop - words.start


def test_a_sung_take_has_its_alignment_and_the_times_of_its_lines(engine: Engine) -> None:
    take = rendered(engine)
    assert take.overheard is not None
    assert take.overheard.attention is not None
    assert take.overheard.attention.shape == (3, len(take.overheard.texts), 25)
    told = take_object(take, {})
    assert 0 <= told["parts"]["lyric_alignment"] <= 1
    assert [line[2] for line in told["measured"]["timestamps"]] == LYRICS.splitlines()
    assert all(0 <= start <= end <= 2.0 for start, end, _ in told["measured"]["timestamps"])
    assert told["timings"]["score"] > take.timings["score"] > 0


def test_what_the_codes_alone_say_of_the_words_is_the_same_for_siblings(engine: Engine) -> None:
    assert "lyric_alignment_planned" not in take_object(rendered(engine), {})["measured"]
    first = rendered(engine, thinking=True)
    one, other = engine.render(first.request.replace(seeds=(5, 6), batch_size=2, use_random_seed=False))
    told, told_too = (take_object(take, {}) for take in (one, other))
    assert 0 <= told["measured"]["lyric_alignment_planned"] <= 1
    assert told["measured"]["lyric_alignment_planned"] == told_too["measured"]["lyric_alignment_planned"]
    assert one.overheard is not None
    assert other.overheard is not None
    assert one.overheard.planned is other.overheard.planned  # looked at once
    assert one.overheard.attention is not None
    assert other.overheard.attention is not None
    assert (one.overheard.attention != other.overheard.attention).any()


def test_the_planner_says_what_it_recalls_of_the_codes_that_it_wrote(engine: Engine) -> None:
    told = take_object(rendered(engine, thinking=True, lyrics="[Instrumental]"), {})
    assert 0 < told["parts"]["semantic"] < 1
    assert set(told["measured"]["recall"]) == {"bpm", "duration"}  # what a person has said, not what it made up itself
    assert told["measured"]["lyrics_pmi"] is None
    assert "lyric_alignment" not in told["parts"]


def test_siblings_have_the_same_codes_and_are_asked_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    first = rendered(engine, thinking=True, lyrics="[Instrumental]")
    asked: list[object] = []
    of = Recall.of
    monkeypatch.setattr(Recall, "of", lambda self, codes, *rest: asked.append(codes) or of(self, codes, *rest))
    takes = engine.render(first.request.replace(seeds=(5, 6), batch_size=2))
    assert asked == [tuple(first.codes or ())]
    found = [take_object(take, {})["parts"]["semantic"] for take in (first, *takes)]
    assert found[1] == found[2] == pytest.approx(found[0], abs=1e-3)


@pytest.mark.parametrize(
    ("task", "more"), [("repaint", {"repainting_start": 0.5, "repainting_end": 1.0}), ("cover", {})]
)
def test_a_take_without_codes_is_asked_by_what_its_sound_comes_to(
    engine: Engine, tmp_path: Path, task: str, more: dict[str, object]
) -> None:
    first = rendered(engine, thinking=True, lyrics="[Instrumental]")
    write(tmp_path / "first.flac", first.audio.numpy(), format="flac")
    source = {"task_type": task, "src_audio": str(tmp_path / "first.flac"), "lyrics": "[Instrumental]", **more}
    take = rendered(engine, thinking=None, **source)
    told = take_object(take, {})
    assert not take.codes
    assert told["measured"]["semantic_by"] == "sound"
    codes = engine._model.networks.tokenizer(take.latents.unsqueeze(0), engine._model.silence)[0].tolist()
    planner = engine.planning.loaded
    assert planner is not None
    of_sound = planner.recall().of(codes, take.request.caption, "", {"bpm": 90, "duration": take.request.duration})
    assert told["parts"]["semantic"] == pytest.approx(of_sound.score(), abs=1e-4)
    assert "semantic_by" not in take_object(first, {})["measured"]


def test_a_take_without_words_or_codes_is_asked_nothing_where_no_planner_is_loaded(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Planning, "loaded", None)
    take = rendered(engine, lyrics="[Instrumental]")
    assert take.overheard is not None
    assert (take.overheard.attention, take.overheard.texts) == (None, ())
    assert "semantic" not in take_object(take, {})["parts"]


def test_the_same_samples_come_out_and_the_same_is_heard(engine: Engine) -> None:
    first, again = rendered(engine), rendered(engine)
    assert first.audio.equal(again.audio)
    assert take_object(first, {})["parts"] == take_object(again, {})["parts"]


def test_ears_that_fail_cost_the_scores_and_not_the_take(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("no ears")

    monkeypatch.setattr(take_files, "judge", fail)
    told = take_object(rendered(engine), {})
    assert (told["score"], told["parts"], told["measured"], told["faults"]) == (None, {}, {}, [])
    assert told["hashes"]["audio"]


def test_a_failure_costs_the_scores_and_not_the_take(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Overhearing, "_looked", fail)
    monkeypatch.setattr(Recall, "of", fail)
    told = take_object(rendered(engine, thinking=True), {})
    assert not {"lyric_alignment", "semantic"} & set(told["parts"])
    assert "signal" in told["parts"]
