"""Tags in every container, checked with another reader (mutagen) and against damaged files."""

import io
import json
import os

import mutagen
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine import audio, encoding
from engine.errors import EngineError
from engine.tags import NAMES, RECIPE, TAKE, copy_with_tags, read_duration, read_tags

FORMATS = list(encoding.FORMATS)
CONTAINERS = ["flac", "wav16", "mp3", "opus", "ogg"]
TAGS = {
    "title": "Größe der Nacht 夜の歌 🎹",
    "artist": "Åse",
    "comment": "zwei\nZeilen",
    "lyrics": "[Verse]\nпривет, мир\n\n[Chorus]\nla la = la\n",
    "bpm": "120",
    "key": "F# minor",
    "date": "2025-01-02",
    "software": "acetui 0.1.0",
    RECIPE: json.dumps({"caption": "naïve 夜", "codes": list(range(20_000))}, ensure_ascii=False),
    TAKE: '{"revision": 3}',
}
XIPH = {"key": "INITIALKEY", "software": "ENCODER"}
ID3 = {
    "title": "TIT2",
    "artist": "TPE1",
    "comment": "COMM::XXX",
    "lyrics": "USLT::XXX",
    "bpm": "TBPM",
    "key": "TKEY",
    "date": "TDRC",
    "software": "TSSE",
    RECIPE: f"TXXX:{RECIPE}",
    TAKE: f"TXXX:{TAKE}",
}


@pytest.fixture(scope="module")
def sound():
    return np.clip(0.2 * np.random.default_rng(0).standard_normal((2, 24_000), dtype=np.float32), -1, 1)


@pytest.fixture(scope="module")
def untagged(sound, tmp_path_factory):
    """Every container without tags, as bytes."""
    return {name: _written(tmp_path_factory, name, sound, {}) for name in FORMATS}


@pytest.fixture(scope="module")
def tagged(sound, tmp_path_factory):
    """Every container with short tags, as bytes: most of what may break is then close together."""
    short = TAGS | {RECIPE: '{"a": 1}'}
    return {name: _written(tmp_path_factory, name, sound[:, :2_400], short) for name in FORMATS}


def _written(tmp_path_factory, name, sound, tags):
    path = tmp_path_factory.mktemp("written") / f"x{encoding.FORMATS[name].suffix}"
    encoding.write(path, sound, format=name, tags=tags)
    return path.read_bytes()


def _copy(content, tags):
    target = io.BytesIO()
    copy_with_tags(io.BytesIO(content), target, tags)
    return target.getvalue()


def _save(folder, name, content):
    path = folder / f"x{encoding.FORMATS[name].suffix}"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_round_trip(tmp_path, name, untagged):
    path = _save(tmp_path, name, _copy(untagged[name], TAGS))
    assert read_tags(path) == TAGS
    assert json.loads(read_tags(path)[RECIPE])["codes"][-1] == 19_999


@pytest.mark.parametrize("name", FORMATS)
def test_another_program_reads_the_same(tmp_path, name, untagged):
    file = mutagen.File(_save(tmp_path, name, _copy(untagged[name], TAGS)))
    assert file.info.length == pytest.approx(0.5, abs=0.01)
    for tag, text in TAGS.items():
        if name.startswith("wav") or name == "mp3":
            frame = file.tags[ID3[tag]]
            theirs = frame.text if isinstance(frame.text, str) else str(frame.text[0])
            assert theirs == {"key": "F#m"}.get(tag, text)
        else:
            assert file.tags[XIPH.get(tag, tag.upper())] == [text]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("recipe_bytes", [0, 10, 100_000])
def test_the_sound_stays_the_same(tmp_path, name, recipe_bytes, untagged):
    plain = audio.read(_save(tmp_path, name, untagged[name]))
    path = _save(tmp_path, name, _copy(untagged[name], {"title": "x", RECIPE: "r" * recipe_bytes}))
    assert np.array_equal(audio.read(path), plain)


@pytest.mark.parametrize("name", FORMATS)
def test_tagging_again_replaces_and_removes(tmp_path, name, untagged, tagged):
    again = _copy(tagged[name], {"title": "new"})
    assert read_tags(_save(tmp_path, name, again)) == {"title": "new"}
    assert _copy(_copy(untagged[name], TAGS), {}) == _copy(untagged[name], {})


@pytest.mark.parametrize("name", FORMATS)
def test_no_tags(tmp_path, name, untagged):
    assert read_tags(_save(tmp_path, name, untagged[name])) == {}


@pytest.mark.parametrize("name", FORMATS)
def test_length(tmp_path, name, untagged):
    path = _save(tmp_path, name, _copy(untagged[name], TAGS))
    stated = name == "flac" or name.startswith("wav")
    assert read_duration(path) == (0.5 if stated else None)


@pytest.mark.parametrize("content", [None, b"", b"fLaC", b"fLaC\x80\0\0\x05xxxxx", b"RIFF\0\0\0\0WAVEdata\xff\0\0\0"])
def test_length_of_what_is_damaged(tmp_path, content):
    if content is not None:
        (tmp_path / "x").write_bytes(content)
    with pytest.raises(EngineError):
        read_duration(tmp_path / "x")


@pytest.mark.parametrize(
    "content", [b"fLaC\x80\0\0\x22" + bytes(34), b"RIFF\0\0\0\0WAVEdata\0\0\0\0", b"RIFF\0\0\0\0WAVE"]
)
def test_length_that_is_not_stated(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    assert read_duration(tmp_path / "x") is None


@pytest.mark.parametrize("name", CONTAINERS)
def test_awkward_texts(tmp_path, name, untagged):
    odd = {"title": "nul\0nul", "comment": "", "lyrics": "lone \ud800 half", "key": "in between", "artist": "=a=b"}
    back = read_tags(_save(tmp_path, name, _copy(untagged[name], odd)))
    assert back == {"title": "nulnul", "lyrics": "lone ? half", "key": "in between", "artist": "=a=b"}


def test_names_are_checked(untagged):
    with pytest.raises(ValueError, match="tempo"):
        _copy(untagged["flac"], {"tempo": "120"})


@pytest.mark.parametrize(
    ("key", "short"),
    [("C major", "C"), ("Bb minor", "Bbm"), ("D♭ major", "Db"), ("G♯ minor", "G#m"), ("H dur", "H dur")],
)
def test_keys_in_mp3_are_short(tmp_path, key, short, untagged):
    path = _save(tmp_path, "mp3", _copy(untagged["mp3"], {"key": key}))
    assert mutagen.File(path).tags["TKEY"].text == [short]
    assert read_tags(path)["key"] == key.replace("♭", "b").replace("♯", "#")


# What other programs write


@pytest.mark.parametrize("name", CONTAINERS)
def test_tags_of_another_program(tmp_path, name, tagged):
    path = _save(tmp_path, name, tagged[name])
    file = mutagen.File(path)
    if name in ("wav16", "mp3"):
        file.tags["TIT2"].text = ["changed"]
    else:
        file.tags["title"] = "changed"
    file.save()
    assert read_tags(path) == TAGS | {RECIPE: '{"a": 1}', "title": "changed"}


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("encoding", [0, 1, 2, 3])
def test_id3_of_every_encoding(tmp_path, version, encoding, untagged):
    from mutagen import id3

    path = _save(tmp_path, "mp3", untagged["mp3"])
    tags = id3.ID3()
    tags.add(id3.TIT2(encoding=encoding, text=["Größe"]))
    tags.add(id3.COMM(encoding=encoding, lang="eng", desc="iTunNORM", text=["0000"]))
    tags.add(id3.COMM(encoding=encoding, lang="eng", desc="", text=["ÿ"]))
    tags.add(id3.USLT(encoding=encoding, lang="eng", desc="", text="ö\nü"))
    tags.add(id3.TXXX(encoding=encoding, desc="other", text=["no"]))
    tags.add(id3.APIC(encoding=3, mime="image/png", type=3, desc="", data=b"\xff\x00\xff\xe0" * 100))
    tags.save(path, v2_version=version)
    assert read_tags(path) == {"title": "Größe", "comment": "ÿ", "lyrics": "ö\nü"}


def test_id3_with_everything_around_it(tmp_path, untagged):
    """An unsynchronised 2.3 tag with an extended header; a 2.4 one with a footer, a group and a length."""
    text = b"\x01\xff\xfeA\x00"
    frames = b"TIT2" + len(text).to_bytes(4, "big") + b"\0\0" + text
    body = (b"\0\0\0\x06" + bytes(6) + frames).replace(b"\xff", b"\xff\0")
    old = b"ID3\x03\x00\xc0" + bytes([0, 0, 0, len(body)]) + body
    assert read_tags(_save(tmp_path, "mp3", old + untagged["mp3"])) == {"title": "A"}
    frame = b"TIT2\0\0\0\x0a\x00\x43" + b"G" + b"\0\0\0\x04" + b"\x00\xff\x00BC"
    locked = b"TPE1\0\0\0\x02\x00\x04\x03x"
    body = bytes([0, 0, 0, 6, 1, 0]) + locked + frame
    new = b"ID3\x04\x00\x50" + bytes([0, 0, 0, len(body)]) + body + b"3DI\x04\x00\x50" + bytes([0, 0, 0, len(body)])
    path = _save(tmp_path, "mp3", new + untagged["mp3"])
    assert read_tags(path) == {"title": "ÿBC"}
    assert _copy(path.read_bytes(), {}) == untagged["mp3"]


def test_wav_info_alone(tmp_path, untagged):
    plain = untagged["wav16"]
    fields = b"INFO" + b"INAM\x04\0\0\0abc\0" + b"IART\x01\0\0\0z\0" + b"IXXX\x02\0\0\0..  "[:10]
    chunk = b"LIST" + len(fields).to_bytes(4, "little") + fields
    path = _save(tmp_path, "wav16", plain + chunk)
    assert read_tags(path) == {"title": "abc", "artist": "z"}
    assert _copy(path.read_bytes(), {}) == plain


def test_wav_has_basic_tags_for_simple_programs(untagged):
    content = _copy(untagged["wav16"], {"title": "Hello", "lyrics": "la"})
    assert int.from_bytes(content[4:8], "little") == len(content) - 8
    assert b"INAM\x06\x00\x00\x00Hello\x00" in content


def test_flac_keeps_pictures_and_seek_tables(tmp_path, untagged):
    from mutagen import flac

    path = _save(tmp_path, "flac", untagged["flac"])
    file = flac.FLAC(path)
    picture = flac.Picture()
    picture.data, picture.mime = b"png" * 1000, "image/png"
    file.add_picture(picture)
    file.save()
    path.write_bytes(_copy(path.read_bytes(), {"title": "x"}))
    assert flac.FLAC(path).pictures[0].data == picture.data
    assert read_tags(path) == {"title": "x"}


def test_tags_that_are_too_large_for_flac(untagged):
    with pytest.raises(EngineError, match="16 MB"):
        _copy(untagged["flac"], {"lyrics": "x" * 2**24})


@pytest.mark.parametrize("size", [0, 254, 255, 256, 64_000, 65_025, 65_026, 255 * 255 * 2, 200_000])
@pytest.mark.parametrize("name", ["ogg", "opus"])
def test_ogg_pages_of_every_size(tmp_path, name, size, untagged):
    """Packets that end just before, at and after the limits of segments and pages."""
    from mutagen.ogg import OggPage

    path = _save(tmp_path, name, _copy(untagged[name], {"comment": "c" * size}))
    assert len(read_tags(path).get("comment", "")) == size
    with open(path, "rb") as file:
        pages = []
        while file.tell() < os.path.getsize(path):
            pages.append(OggPage(file))
    assert [page.sequence for page in pages] == list(range(len(pages)))
    assert pages[-1].last
    for page in pages:
        no_packet_ends = len(page.packets) == 1 and not page.complete
        assert (page.position == -1) == no_packet_ends
    packets = OggPage.to_packets(pages, strict=True)
    assert packets[1].startswith(b"\x03vorbis" if name == "ogg" else b"OpusTags")
    audio.read(path)  # libogg skips pages with wrong checksums: the lengths would differ
    assert audio.read(path).shape == (2, 24_000)


# Damaged files


@pytest.mark.parametrize("kind", ["missing", "folder", "empty", "text"])
def test_what_has_no_tags_is_a_sentence_and_a_hint(tmp_path, kind):
    path = tmp_path / "x.flac"
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_text("words " * (kind == "text"))
    with pytest.raises(EngineError) as caught:
        read_tags(path)
    assert str(path) in caught.value.error
    assert caught.value.hint


def _read_or_refuse(path, content):
    """Both readers give an answer or an EngineError on ``content``, and nothing else."""
    path.write_bytes(content)
    try:
        tags = read_tags(path)
    except EngineError:
        pass
    else:
        assert set(tags) <= set(NAMES)
    try:
        read_duration(path)
    except EngineError:
        pass
    try:
        _copy(content, {"title": "x"})
    except EngineError:
        pass


QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("name", CONTAINERS)
@QUICK
@given(data=st.data())
def test_cut_short(tmp_path, name, tagged, data):
    content = tagged[name]
    _read_or_refuse(tmp_path / "x", content[: data.draw(st.integers(0, len(content)))])


@pytest.mark.parametrize("name", CONTAINERS)
@QUICK
@given(data=st.data())
def test_bits_flipped(tmp_path, name, tagged, data):
    content = bytearray(tagged[name])
    # Tags stand at the start, in WAV at the end: most flips belong there.
    places = st.integers(-700, 700) | st.integers(-len(content), len(content) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=8)):
        content[place] ^= data.draw(st.integers(1, 255))
    _read_or_refuse(tmp_path / "x", bytes(content))


@pytest.mark.parametrize(
    "start",
    [
        b"fLaC",
        b"ID3\x03\x00",
        b"ID3\x04\x00",
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WAVELIST",
        b"OggS\0\x02" + bytes(20) + b"\x01\x08OpusHeadOggS\0\0" + bytes(20),
        b"",
    ],
)
@QUICK
@given(rest=st.binary(max_size=300))
@example(rest=b"")
@example(rest=b"\xff" * 300)
def test_nonsense(tmp_path, start, rest):
    _read_or_refuse(tmp_path / "x", start + rest)


@pytest.mark.parametrize("name", CONTAINERS)
@QUICK
@given(
    tags=st.dictionaries(
        st.sampled_from([name for name in NAMES if name != "key"]),
        st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1),
    )
)
def test_any_text_comes_back(tmp_path, name, untagged, tags):
    assert read_tags(_save(tmp_path, name, _copy(untagged[name], tags))) == tags
