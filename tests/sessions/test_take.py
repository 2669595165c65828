"""A take and its JSON: every value comes back, older files are understood, newer ones left alone."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.marks import changed
from sessions.take import TAKE_FORMAT, BrokenTake, NewerTake, Take, stem
from sessions.take_json import MIGRATIONS
from tests.sessions.takes import JSON, PLAIN, TAKES

CONTRACT = (
    *("id", "number", "name", "seed", "duration", "score", "parts", "faults", "verdict", "parent", "operation"),
    *("revision", "files", "request"),
)


@settings(deadline=None)
@given(TAKES)
def test_a_take_comes_back_from_its_json(take):
    content = take.to_json()
    again = Take.from_json(content)
    assert again == take
    assert again.to_json() == content


@settings(deadline=None)
@given(TAKES)
def test_the_object_is_json_and_has_what_was_promised(take):
    shown = take.object()
    assert set(CONTRACT) <= set(shown)
    assert json.loads(json.dumps(shown)) == shown
    assert isinstance(shown["faults"], list)
    assert shown["verdict"] in ("pinned", "liked", "rejected", "heard", "unheard")


def test_json_has_a_line_for_every_field():
    lines = PLAIN.to_json().decode().splitlines()
    assert lines[:4] == ["{", f'  "format": {TAKE_FORMAT},', '  "id": "a1",', '  "number": 47,']
    one, two = PLAIN.to_json().splitlines(), PLAIN.replace(liked=True).to_json().splitlines()
    assert sum(a != b for a, b in zip(one, two, strict=True)) == 1


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60) | JSON.map(json.dumps))
def test_what_is_no_take_is_refused_with_a_sentence(content):
    with pytest.raises(BrokenTake) as caught:
        Take.from_json(content)
    assert caught.value.error.endswith(".")
    assert caught.value.hint


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(json.loads(PLAIN.to_json()))), JSON)
def test_a_field_with_anything_in_it_is_either_good_or_broken(name, value):
    raw = json.loads(PLAIN.to_json()) | {name: value}
    try:
        take = Take.from_json(json.dumps(raw))
    except (BrokenTake, NewerTake):
        return
    assert Take.from_json(take.to_json()) == take


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number": 0}, "number"),
        ({"number": True}, "number"),
        ({"duration": float("nan")}, "duration"),
        ({"score": float("inf")}, "score"),
        ({"rating": 6}, "0 to 5"),
        ({"id": "../x"}, "id"),
        ({"files": {"audio": "../../etc/passwd.flac"}}, "files"),
        ({"files": {"audio": "takes/../x.flac"}}, "files"),
        ({"files": {"audio": "takes/.hidden.flac"}}, "files"),
        ({"files": {"audio": "/takes/x.flac"}}, "files"),
        ({"files": {"audio": "latents/x.flac"}}, "takes/"),
        ({"files": {"latents": "latents/1.safetensors"}}, "audio"),
        ({"rejected": True, "liked": True}, "at once"),
        ({"extra": {"score": 1}}, "extra"),
        ({"extra": {"format": 1}}, "extra"),
        ({"stored": "somewhere"}, "stored"),
    ],
)
def test_values_that_no_take_can_have(changes, words):
    with pytest.raises(BrokenTake, match=words):
        PLAIN.replace(**changes)


def test_files_in_the_trash_and_files_that_are_gone():
    take = PLAIN.replace(files={"audio": "takes/x.flac", "latents": "latents/0047.safetensors"})
    assert take.place("json") == "takes/x.json"
    assert take.replace(trashed=True).place("latents") == "trash/latents/0047.safetensors"
    assert take.replace(trashed=True).object()["files"]["audio"] == "trash/takes/x.flac"
    assert take.replace(stored="latents only").object()["files"] == {"latents": "latents/0047.safetensors"}
    assert take.replace(stored="missing audio").object()["files"] == {}


def test_names_of_files():
    assert stem(47, "neon drive", 8123) == "0047-neon-drive-8123"
    assert stem(12_345, "", 1) == "12345-take-1"


# Versions

VERSION_0 = {
    "id": "0123456789abcdef",
    "number": 3,
    "name": "warm jazz",
    "seed": 5,
    "duration": 12.5,
    "score": None,
    "parts": {},
    "faults": ["silence"],
    "verdict": "liked",
    "parent": None,
    "operation": "render",
    "revision": 2,
    "files": {"audio": "/somewhere/else/0003-warm-jazz-5.flac", "latents": "C:\\jam\\0003.safetensors"},
    "request": {"caption": "warm jazz"},
    "gain": 0.5,
    "loudness": None,
    "timings": {"decode": 1.0},
    "identity": {},
    "stars": "kept",
}


def test_a_take_of_version_0_is_brought_to_today():
    take = Take.from_json(json.dumps(VERSION_0))
    assert (take.verdict, take.liked, take.faults, take.number) == ("liked", True, ("silence",), 3)
    assert take.files == {"audio": "takes/0003-warm-jazz-5.flac", "latents": "latents/0003.safetensors"}
    assert take.extra == {"stars": "kept"}
    assert json.loads(take.to_json())["format"] == TAKE_FORMAT
    assert Take.from_json(take.to_json()) == take


def test_every_older_version_has_its_way():
    assert sorted(MIGRATIONS) == list(range(TAKE_FORMAT))


@pytest.mark.parametrize("version", [TAKE_FORMAT + 1, 99])
def test_a_newer_version_is_refused_politely(version):
    with pytest.raises(NewerTake, match=str(version)) as caught:
        Take.from_json(json.dumps({"format": version, "anything": "else"}))
    assert "Update" in caught.value.hint


@pytest.mark.parametrize("version", [-1, "1", 1.5, None, True, [1]])
def test_a_version_that_is_none(version):
    with pytest.raises(BrokenTake, match="format"):
        Take.from_json(json.dumps(json.loads(PLAIN.to_json()) | {"format": version}))


# From the engine


def test_from_the_engines_take_object(tmp_path):
    rendered = {
        **VERSION_0,
        "number": None,
        "verdict": "unheard",
        "files": {
            "audio": str(tmp_path / "takes" / "b-5.flac"),
            "latents": str(tmp_path / "takes" / "b-5.safetensors"),
        },
    }
    take = Take.from_render(rendered, tmp_path, number=9, revision=4, parent="p", operation="repaint", batch="b")
    assert take.files == {"audio": "takes/b-5.flac", "latents": "takes/b-5.safetensors"}
    assert (take.number, take.revision, take.parent, take.operation) == (9, 4, "p", "repaint")
    assert (take.verdict, take.gain, take.faults) == ("unheard", 0.5, ("silence",))
    with pytest.raises(BrokenTake, match="not in"):
        Take.from_render(rendered, tmp_path / "other", number=9)


# Verdicts


@pytest.mark.parametrize("verdict", ["pinned", "liked", "rejected", "heard", "unheard"])
def test_a_verdict_is_what_was_said_last(verdict):
    for before in (PLAIN, PLAIN.replace(rejected=True), PLAIN.replace(heard=True)):
        assert before.judged(verdict).verdict == verdict


def test_pinned_is_said_beside_liked_and_goes_alone():
    take = changed(PLAIN, {"liked": True})
    take = changed(take, {"pinned": True})
    assert (take.verdict, take.liked) == ("pinned", True)
    assert changed(take, {"pinned": False}).verdict == "liked"
    rejected = changed(take, {"rejected": True})
    assert (rejected.verdict, rejected.liked, rejected.pinned) == ("rejected", False, False)
    assert changed(rejected, {"liked": True}).verdict == "liked"


def test_marks():
    assert not any(PLAIN.judged(word).marked for word in ("unheard", "heard", "rejected"))
    for changes in ({"pinned": True}, {"liked": True}, {"rating": 0}, {"note": "x"}, {"tags": ["x"]}):
        assert changed(PLAIN, changes).marked
    assert changed(PLAIN, {"tags": [" a  b ", "a b", "c"]}).tags == ("a b", "c")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"seed": 1}, "seed"),
        ({"number": 1}, "number"),
        ({"colour": 1}, "colour"),
        ({"rating": 9}, "rating"),
        ({"rating": True}, "rating"),
        ({"note": None}, "note"),
        ({"tags": "keep"}, "tags"),
        ({"tags": [""]}, "tags"),
        ({"tags": ["x" * 61]}, "tags"),
        ({"tags": 3}, "tags"),
        ({"verdict": "great"}, None),
        ({"liked": True, "rejected": True}, "rejected"),
    ],
)
def test_what_cannot_be_changed(changes, field):
    from engine.errors import InvalidRequest

    with pytest.raises(InvalidRequest) as caught:
        changed(PLAIN, changes)
    assert caught.value.field == field
    assert caught.value.hint
