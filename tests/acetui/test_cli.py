"""The command line up to the point where the engine starts: arguments, recipes, destinations, words of refusal."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from acetui import cli
from acetui.cli import build_parser, main
from acetui.progress import REDRAW_SECONDS, ProgressLine, bar, describe
from acetui.verbs.destination import destination
from acetui.verbs.render import prepare
from acetui.verbs.report import take_line
from engine import InvalidRequest
from engine.file_names import SUFFIXES, audio_path, slug, take_name
from engine.request import FIELDS


def test_verbs_are_named_where_they_are_declared() -> None:
    for module, names in cli._VERBS.items():
        assert tuple(import_module(f"acetui.verbs.{module}").VERBS) == names


def job_of(*argv: str):
    (job,) = prepare(build_parser().parse_args(["render", *argv])).renders
    return job


def jobs_of(*argv: str):
    return prepare(build_parser().parse_args(["render", *argv])).renders


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- starting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("argv", [["--help"], ["render", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(argv: list[str]) -> None:
    script = f"""
import sys
from acetui.cli import main
code = main({argv!r})
heavy = {{"torch", "numpy", "asyncio", "transformers", "soundfile", "safetensors"}} & sys.modules.keys()
sys.exit(f"loaded {{heavy}}" if heavy or code else 0)
"""
    root = Path(cli.__file__).parent.parent
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert ran.returncode == 0, ran.stderr
    assert "acetui" in ran.stdout


def test_help_has_a_flag_for_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "--help"]) == 0
    text = capsys.readouterr().out
    for name in FIELDS.keys() - {"audio_format"}:
        assert f"--{name.replace('_', '-')}" in text
    assert "from 30 to 300 beats a minute" in text


@pytest.mark.parametrize("argv", [[], ["my-jam"], ["--no-mouse"]])
def test_the_studio_needs_a_terminal(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 1
    assert "needs a terminal" in capsys.readouterr().err


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["rendr"], "Did you mean 'acetui render'"),
        (["studios"], "Did you mean 'acetui studio'"),
        (["render"], "It is not said what to render."),
        (["render", "--no-such-flag"], "--no-such-flag"),
        (["render", "--bpm", "12"], "30 to 300"),
        (["render", "--bpm", "fast"], "bpm cannot be 'fast'"),
        (["render", "--duration", "1e9"], "600 seconds"),
        (["render", "--seed", "1", "x"], "seeds"),
        (["render", "--seed", "7", "7"], "Two takes"),
        (["render", "--batch", "99"], "batch_size"),
        (["render", "--device", "gpu"], "not a device"),
        (["render", "--device", "cuda:x"], "not a device"),
        (["render", "--threads", "0"], "from 1 to 1024"),
        (["render", "--dtype", "int4"], "invalid choice"),
        (["render", "--guidance-params", "a"], "NAME=NUMBER"),
        (["render", "--lyrics", "@nothing.txt"], "No such file"),
        (["render", "--lyrics", "la", "--lyrics-file", "x"], "both given"),
        (["render", "-o", "song"], "in a slash"),
        (["render", "-o", "song.aiff"], "kind of audio file"),
        (["render", "-o", "song.flac", "--format", "mp3"], "not a name for mp3"),
        (["render", "-o", "nowhere/song.flac"], "no folder 'nowhere'"),
        (["render", "-o", "nowhere/deep/"], "no folder 'nowhere'"),
        (["render", "missing.toml"], "No such file"),
    ],
)
def test_wrong_usage_is_two_sentences_and_exit_code_2(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) == 2
    assert main([*argv, "--json"]) == 2
    event = json.loads(capsys.readouterr().out)
    assert event["event"] == "error"
    assert event["hint"]


def test_the_field_is_named_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    main(["render", "--bpm", "12", "--json"])
    assert json.loads(capsys.readouterr().out)["field"] == "bpm"


def test_choices_in_a_recipe_are_made_and_every_combination_of_its_grid_is_rendered_with_the_same_seeds() -> None:
    Path("session.toml").write_text(
        "[recipe]\ncaption = \"{a|b|c|d|e|f}{a|b|c|d|e|f} jazz\"\nlyrics = '\\{la\\}'\nbatch_size = 2\n"
        "[recipe.grid]\nbpm = [90, 100]\nshift = [1.0, 3.0]\n[loop]\ntakes = 3\n"
    )
    cells = jobs_of("session.toml")
    assert [(cell.request["bpm"], cell.request["shift"]) for cell in cells] == [(90, 1), (90, 3), (100, 1), (100, 3)]
    (words,) = {(cell.request["caption"], cell.request["lyrics"]) for cell in cells}
    assert (len(words[0]), words[1]) == (len("ab jazz"), "{la}")
    assert len({tuple(cell.request["seeds"]) for cell in cells}) == 1
    assert len({cell.output.stem for cell in cells}) == 4
    assert cells[1].cell == "bpm 90, shift 3"
    assert job_of("--caption", "{slow|slow} rain").request["caption"] == "slow rain"


def test_a_choice_that_is_not_closed_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "--caption", "warm {jazz"]) == 2
    assert "'{' at character 6 is never closed" in capsys.readouterr().err


def test_an_existing_file_is_refused_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    Path("song.flac").write_bytes(b"precious")
    assert main(["render", "-o", "song.flac"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert job_of("-o", "song.flac", "--overwrite").output.overwrite


def test_a_program_error_is_told_without_a_traceback_unless_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("acetui.verbs.render.prepare", lambda args: 1 / 0)
    assert main(["render"]) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert main(["render", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


# --- recipes ----------------------------------------------------------------------------------------------------------


def test_flags_of_every_kind_reach_the_request() -> None:
    Path("words.txt").write_text("\ufeff[Verse]\nla", encoding="utf-8")
    request = job_of(
        *("--caption", "slow jazz, 100% live", "--lyrics", "@words.txt", "--bpm", "96", "--vocal-language", "en"),
        *("--duration", "30", "--no-thinking", "--dcw-enabled", "--seed", "1,2", "3", "--timesteps", "1", "0.5"),
        *("--tracks", "drums", "bass", "--adapters", "a.safetensors", "b,c", "--guidance-params", "eta=0.5"),
        *("--repainting-start", "-1.5"),
    ).request
    assert request["caption"] == "slow jazz, 100% live"
    assert request["lyrics"] == "[Verse]\nla"
    assert (request["bpm"], request["duration"], request["vocal_language"]) == (96, 30.0, "en")
    assert (request["thinking"], request["dcw_enabled"]) == (False, True)
    assert (request["seeds"], request["batch_size"], request["timesteps"]) == ([1, 2, 3], 3, [1.0, 0.5])
    assert request["tracks"] == ["drums", "bass"]
    assert [adapter["path"] for adapter in request["adapters"]] == ["a.safetensors", "b,c"]
    assert request["guidance_params"] == {"eta": 0.5}
    assert request["repainting_start"] == -1.5


@pytest.mark.parametrize("head", ["", "[recipe]\n"])
def test_flags_win_over_the_recipe_file(head: str) -> None:
    Path("r.toml").write_text(head + 'caption = "folk"\nbpm = 90\nseed = 5\naudio_format = "mp3"\n')
    job = job_of("r.toml", "--bpm", "100")
    assert (job.request["caption"], job.request["bpm"], job.request["seeds"]) == ("folk", 100, [5])
    assert job.output.format == "mp3"
    assert job_of("r.toml", "--seed", "6", "7").request["seeds"] == [6, 7]


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        (b"caption = ", "line 1, column 11"),
        (b"\xff", "UTF-8"),
        (b"recipe = 1", "not a table"),
        (b"captoin = 'x'", "captoin"),
        (b"bpm = 2020-01-01", "bpm"),
    ],
)
def test_a_broken_recipe_says_where(toml: bytes, words: str) -> None:
    Path("r.toml").write_bytes(toml)
    with pytest.raises(InvalidRequest) as refusal:
        job_of("r.toml")
    assert words in str(refusal.value)


def test_random_seeds_are_drawn_before_rendering() -> None:
    seeds = job_of("--batch", "3", "--seed", "9").request["seeds"]
    assert seeds[0] == 9
    assert len(set(seeds)) == 3
    assert min(seeds) >= 0


# --- destinations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "seeds", "files"),
    [
        (None, [7], ["neon-drive-7.flac"]),
        (None, [7, 8], ["neon-drive-7.flac", "neon-drive-8.flac"]),
        ("song.wav", [7], ["song.wav"]),
        ("v1.2.mp3", [7, 8], ["v1.2-7.mp3", "v1.2-8.mp3"]),
        ("x-{seed}-y.ogg", [7, 8], ["x-7-y.ogg", "x-8-y.ogg"]),
        ("there", [7], ["there/7-neon-drive.flac"]),
        ("new/", [7], ["new/7-neon-drive.flac"]),
    ],
)
def test_what_o_means(target: str | None, seeds: list[int], files: list[str]) -> None:
    Path("there").mkdir()
    output = destination(target, None, "Neon drive, female vocal", seeds)
    assert [str(audio_path(output, seed)) for seed in seeds] == files


def test_a_format_may_say_more_than_the_suffix() -> None:
    assert destination("song.wav", "wav16", "", [1]).format == "wav16"
    assert job_of("--format", "wav32").request["audio_format"] == "wav32"
    assert job_of("--format", "wav16").request["audio_format"] == "wav"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_of_somebody_else_is_refused() -> None:
    Path("theirs").mkdir(mode=0o500)
    with pytest.raises(InvalidRequest, match="write"):
        destination("theirs/x.flac", None, "", [1])


def test_file_names_and_the_engine_know_the_same_formats() -> None:
    encoding = pytest.importorskip("engine.encoding")
    assert {name: encoding.format_named(name).suffix for name in SUFFIXES} == SUFFIXES
    assert SUFFIXES.keys() >= encoding.FORMATS.keys()


@pytest.mark.parametrize(
    ("caption", "name"),
    [
        ("Neon Drive, female vocal", "neon drive"),
        ("", "take"),
        ("  ...!", "take"),
        ("../../etc/passwd", "take"),
        ("AC/DC style\x00", "ac dc style"),
        ("霓虹 驾驶", "霓虹 驾驶"),
        ("x" * 500, "x" * 40),
    ],
)
def test_takes_are_named_after_their_caption(caption: str, name: str) -> None:
    assert take_name(caption) == name
    assert slug(caption) == name.replace(" ", "-")


# --- what is shown ----------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_the_progress_line_is_calm() -> None:
    terminal, now = Terminal(), [0.0]
    line = ProgressLine(terminal, clock=lambda: now[0])
    for step in range(100):
        now[0] = step * REDRAW_SECONDS / 10
        line.update("sampling", step, 100)
    line.clear()
    assert terminal.getvalue().count("rendering") <= 11
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_no_terminal_no_progress_line() -> None:
    stream = io.StringIO()
    line = ProgressLine(stream)
    line.update("sampling", 1, 8)
    line.clear()
    assert stream.getvalue() == ""


def test_a_progress_line_says_what_how_far_and_since_when() -> None:
    assert describe("decode", 1, 4, 2, 12.4, ascii_only=True).split("  ")[-4:] == [
        "#####---------------",
        "1/4",
        "take 3",
        "12 s",
    ]
    assert bar(2.0) == "█" * 20


def test_a_take_in_one_line() -> None:
    take = {
        "files": {"audio": str(Path("x.flac").absolute())},
        "duration": 64.6,
        "seed": 7,
        "timings": {"sampling": 1.0, "decode": 0.5},
        "loudness": -14.23,
    }
    assert take_line(take) == "x.flac  1:05 long  seed 7  made in 1.5 s  -14.2 LUFS"
    assert "LUFS" not in take_line({**take, "loudness": None})


def test_a_preset_shapes_the_recipe_and_flags_win(capsys: pytest.CaptureFixture[str]) -> None:
    """As far as the model that is asked for can do it; the rest is told."""
    request = job_of(
        "--models", "nano", "--preset", "rap", "--omega-scale", "12", "--caption", "x", "--shift", "2"
    ).request
    assert (request["infer_method"], request["omega_scale"], request["shift"]) == ("sde", 12.0, 2.0)
    assert "built in" in capsys.readouterr().err
    with pytest.raises(InvalidRequest, match="Did you mean 'rap'"):
        job_of("--models", "nano", "--preset", "rapp")


@pytest.mark.parametrize(
    ("words", "adapters"),
    [
        (["warm"], [("warm", 1.0)]),
        (["warm=0.5", "a b/c.safetensors=2"], [("warm", 0.5), ("a b/c.safetensors", 2.0)]),
        (["x=y", "v1.0"], [("x=y", 1.0), ("v1.0", 1.0)]),
    ],
)
def test_adapters_have_a_scale_behind_them(words: list[str], adapters: list[tuple[str, float]]) -> None:
    found = job_of("--adapters", *words).request["adapters"]
    assert [(each["path"], each["scale"]) for each in found] == adapters
