"""``python -m tools.nano.measure``: measures, prints tables, and with ``--out`` writes every figure to a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from engine.errors import EngineError
from tools.nano.measure import codec, held_out, metre, report, style, takes, tempo
from tools.nano.measure.onsets import envelope, periodicity
from tools.nano.measure.spectra import SONG_RATE, Float
from tools.nano.music.song import Song

if TYPE_CHECKING:
    from engine.model import Model

Audio = npt.NDArray[np.float32]
T = TypeVar("T")

CLASSIFIER = Path("build/nano/style.npz")
_TESTED_PART = 4  # a fourth as many songs as were learned from
_LATENT_BITS = 32


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.nano.measure", description=__doc__)
    parser.add_argument("what", choices=("codec", "takes", "style", "tempo", "all"))
    parser.add_argument("--models", type=Path, metavar="DIR", help="the model set; codec and takes need it")
    parser.add_argument("--count", type=int, default=60, help="requests of takes, songs of codec (60)")
    parser.add_argument("--songs", type=int, default=1600, help="songs that style and tempo learn from (1600)")
    parser.add_argument("--duration", type=float, default=20.0, help="seconds of everything (20)")
    parser.add_argument("--workers", type=int, default=1, help="processes that synthesise those songs (1)")
    parser.add_argument("--classifier", type=Path, default=CLASSIFIER, metavar="FILE", help=f"({CLASSIFIER})")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="write every figure to a file as well")
    arguments = parser.parse_args(argv)
    if arguments.what in ("codec", "takes", "all") and arguments.models is None:
        parser.error("--models names the set to measure")
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Measures what is asked for; 0 unless something breaks: a poor figure is a figure, not a failure."""
    arguments = parse(argv)
    figures: dict[str, Any] = {}
    try:
        if arguments.what == "tempo":
            figures["tempo"] = _tempo(arguments)
        if arguments.what in ("style", "all"):
            figures["style"] = _style(arguments)
        if arguments.what in ("codec", "takes", "all"):
            model = _model(arguments.models)
            if arguments.what in ("codec", "all"):
                figures["codec"] = _codec(model, arguments)
            if arguments.what in ("takes", "all"):
                figures["takes"] = _takes(model, arguments)
        if arguments.out:
            report.write_json(arguments.out, figures)
    except EngineError as failure:
        print(f"{failure.error} {failure.hint}", file=sys.stderr)
        return failure.exit_code
    return 0


def _model(path: Path) -> Model:
    from engine.checkpoints import open_set
    from engine.model import choose_device, choose_dtype, load_model

    device = choose_device("auto")
    return load_model(open_set(path, None, None), device, choose_dtype("float32", device), lambda *_: None)


def _style(arguments: argparse.Namespace) -> dict[str, float]:
    """Learns, keeps and tests the classifier."""
    rows, songs = _heard(style.rough_features, arguments, held_out.LEARNED_FROM, arguments.songs)
    tested = max(arguments.songs // _TESTED_PART, 1)
    unheard, others = _heard(style.rough_features, arguments, held_out.TESTED_FROM, tested)
    classifier = style.train(np.concatenate(rows), [song.style for song in songs for _ in range(len(rows[0]))], seed=0)
    arguments.classifier.parent.mkdir(parents=True, exist_ok=True)
    classifier.save(arguments.classifier)
    truth = [song.style for song in others]
    clean, *rough = (style.accuracy(classifier, np.stack(each), truth) for each in zip(*unheard, strict=True))
    found = {
        **clean,
        **{f"with noise {level}": share[""] for level, share in zip(("20 dB", "35 dB"), rough, strict=True)},
    }
    print(f"\nStyles recognised in {tested} songs ({arguments.songs} others learned from)\n")
    print(report.style_table(found), flush=True)
    return found


def _tempo(arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Learns which level of the metre is the beat, keeps it, and tests the whole estimator, by style."""
    cases, songs = _heard(levels_heard, arguments, held_out.LEARNED_FROM, arguments.songs)
    pulsing = [(case, song.bpm) for case, song in zip(cases, songs, strict=True) if case is not None]
    right = [int(np.argmin(np.abs(np.log(levels / bpm)))) for (levels, _), bpm in pulsing]
    metre.keep(metre.learn([evidence for (_, evidence), _ in pulsing], right, seed=0))
    tested = max(arguments.songs // _TESTED_PART, 1)
    found, others = _heard(tempo.tempo, arguments, held_out.TESTED_FROM, tested)
    verdicts: dict[str, list[str]] = {}
    for one, song in zip(found, others, strict=True):
        for name in ("all", song.style):
            verdicts.setdefault(name, []).append(tempo.tempo_error(one.bpm, song.bpm).verdict)
    shares = {
        name: {verdict: each.count(verdict) / len(each) for verdict in tempo.VERDICTS}
        for name, each in verdicts.items()
    }
    print(f"\nTempo of {tested} songs ({arguments.songs} others learned from)\n")
    print(report.verdict_table(shares), flush=True)
    return shares


def levels_heard(audio: Audio) -> tuple[npt.NDArray[np.float64], Float] | None:
    """The levels of a song's metre and what speaks for each of them; None where it has no pulse."""
    correlations = periodicity(envelope(audio, SONG_RATE))
    found = tempo.pulse(correlations)
    if found is None:
        return None
    levels = tempo.levels_of(found)
    return levels, metre.evidence(correlations, levels)


def _heard(
    listen: Callable[[Audio], T], arguments: argparse.Namespace, start: int, count: int
) -> tuple[list[T], list[Song]]:
    return held_out.heard(listen, start, count, duration=arguments.duration, workers=arguments.workers)


def _codec(model: Model, arguments: argparse.Namespace) -> list[codec.CodecRow]:
    """The model's codec, as it decodes the mean latents, beside MP3 at two rates."""
    numbers = range(held_out.CODEC_FROM, held_out.CODEC_FROM + arguments.count)
    songs = [held_out.sound_of(held_out.compose(number, duration=arguments.duration)) for number in numbers]
    rows = codec.side_by_side(
        songs,
        {
            "codec": [_coded(model, song) for song in songs],
            "MP3 64 kbit/s": [codec.mp3_copy(song, 64) for song in songs],
            "MP3 128 kbit/s": [codec.mp3_copy(song, 128) for song in songs],
        },
    )
    print(f"\n{len(songs)} held-out songs through the codec (latents as 32-bit floats)\n")
    print(report.codec_table(rows), flush=True)
    return rows


def _coded(model: Model, song: Any) -> codec.Copy:
    """``song`` [2, n] through both halves of the VAE, padded with silence to whole frames and cut again."""
    import torch

    hop = model.vae.config.hop
    audio = torch.from_numpy(song)
    padded = torch.nn.functional.pad(audio, (0, -audio.shape[1] % hop)).unsqueeze(0)
    with torch.no_grad():
        latents = model.vae.encode(padded.to(model.device, model.dtype))
        made = model.vae.decode(latents)[0, :, : audio.shape[1]].float().cpu().numpy()
    seconds = audio.shape[1] / SONG_RATE
    return codec.Copy(made, latents.numel() * _LATENT_BITS / seconds / 1000)


def _takes(model: Model, arguments: argparse.Namespace) -> takes.TakesReport:
    from engine.pipeline import Engine

    known = style.Classifier.load(arguments.classifier)
    found = takes.measure_takes(
        Engine(model),
        count=arguments.count,
        duration=arguments.duration,
        seed=held_out.TAKES_FROM,
        classifier=known,
    )
    print(f"\n{found.requests} held-out requests, two takes of {found.duration:g} s each\n")
    print(report.takes_tables(found), flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
