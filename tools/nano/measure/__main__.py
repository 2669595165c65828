"""``python -m tools.nano.measure``: measures, prints tables, and with ``--out`` writes every figure to a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.audio import RATE
from engine.errors import EngineError
from engine.scoring import tempo
from tools.nano.measure import changed, codec, followed, held_out, judged, learn, planned, report, style, takes
from tools.nano.music.song import Song

if TYPE_CHECKING:
    from engine.model import Model
    from engine.pipeline import Engine

Heard = list[tuple[learn.Piece, Song]]

CLASSIFIER = Path("build/nano/style.npz")
_TESTED_PART = 4  # a fourth as many songs as were learned from
_LATENT_BITS = 32
_OF_A_SET = ("codec", "takes", "plans", "codes", "sources", "judging")
_SEEDS = 4


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.nano.measure", description=__doc__)
    parser.add_argument("what", choices=(*_OF_A_SET, "style", "tempo", "instruments", "all"))
    parser.add_argument("--models", type=Path, metavar="DIR", help="the model set; all but style and tempo need it")
    parser.add_argument("--count", type=int, default=60, help="requests of takes, songs of codec (60)")
    parser.add_argument("--songs", type=int, default=1600, help="songs that style and tempo learn from (1600)")
    parser.add_argument("--copies", type=int, default=0, help="songs that they learn from in the codec's copy (0)")
    parser.add_argument("--planned", action="store_true", help="takes: let the set's planner fill in what is open")
    parser.add_argument("--duration", type=float, default=20.0, help="seconds of everything (20)")
    parser.add_argument("--workers", type=int, default=1, help="processes that synthesise those songs (1)")
    parser.add_argument("--classifier", type=Path, default=CLASSIFIER, metavar="FILE", help=f"({CLASSIFIER})")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="write every figure to a file as well")
    arguments = parser.parse_args(argv)
    if (arguments.what in (*_OF_A_SET, "all") or arguments.copies) and arguments.models is None:
        parser.error("--models names the set to measure")
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Measures what is asked for; 0 unless something breaks: a poor figure is a figure, not a failure."""
    arguments = parse(argv)
    figures: dict[str, Any] = {}
    try:
        if arguments.what in ("style", "tempo", "instruments"):
            _instruments(arguments, figures)
        if arguments.what in ("codec", "takes", "all"):
            model = _model(arguments.models)
            if arguments.what in ("codec", "all"):
                figures["codec"] = _codec(model, arguments)
            if arguments.what in ("takes", "all"):
                figures["takes"] = _takes(model, arguments)
        for name, measured in {"plans": _plans, "codes": _codes, "sources": _sources, "judging": _judging}.items():
            if arguments.what in (name, "all"):
                figures[name] = measured(arguments)
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


def _instruments(arguments: argparse.Namespace, figures: dict[str, Any]) -> None:
    """Lets the instruments hear songs and, with ``--copies``, copies of others; learns, keeps and tests what is asked.

    The tempo comes first: the style hears it too.
    """
    copying = _copying(arguments) if arguments.copies else None
    known = _pieces(None, arguments, held_out.LEARNED_FROM, arguments.songs)
    known += _pieces(copying, arguments, held_out.COPIES_FROM, arguments.copies)
    tested = {"songs": _pieces(None, arguments, held_out.TESTED_FROM, max(arguments.songs // _TESTED_PART, 1))}
    if copying:
        count = max(arguments.copies // _TESTED_PART, 1)
        tested["copies"] = _pieces(copying, arguments, held_out.TESTED_FROM, count)
    if arguments.what in ("tempo", "instruments"):
        figures["tempo"] = _tempo(known, tested)
    if arguments.what in ("style", "instruments"):
        figures["style"] = _style(known, tested, arguments.classifier)


def _tempo(known: Heard, tested: dict[str, Heard]) -> dict[str, dict[str, float]]:
    """Learns which level of the metre is the beat, keeps it, and tests the whole estimator, by style."""
    learn.keep_metre(learn.learn_tempo([piece for piece, _ in known], [song.bpm for _, song in known]))
    heard: dict[str, list[str]] = {}
    for kind, pairs in tested.items():
        found = learn.verdicts([piece for piece, _ in pairs], [song.bpm for _, song in pairs])
        for verdict, (_, song) in zip(found, pairs, strict=True):
            for name in (kind, f"{kind}: {song.style}"):
                heard.setdefault(name, []).append(verdict)
    shares = {
        name: {verdict: each.count(verdict) / len(each) for verdict in tempo.VERDICTS} for name, each in heard.items()
    }
    print(f"\nTempo ({len(known)} other pieces learned from)\n")
    print(report.verdict_table(shares), flush=True)
    return shares


def _style(known: Heard, tested: dict[str, Heard], path: Path) -> dict[str, dict[str, float]]:
    """Learns, keeps and tests the classifier."""
    rows = [learn.rows(piece) for piece, _ in known]
    classifier = style.train(np.concatenate(rows), [song.style for _, song in known for _ in range(3)], seed=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    classifier.save(path)
    figures: dict[str, dict[str, float]] = {}
    for kind, pairs in tested.items():
        truth = [song.style for _, song in pairs]
        heard = np.stack([learn.rows(piece) for piece, _ in pairs], axis=1)
        names = (kind, f"{kind} with noise 20 dB", f"{kind} with noise 35 dB")
        figures |= {name: style.accuracy(classifier, each, truth) for name, each in zip(names, heard, strict=True)}
        print(f"\nStyles recognised in {len(pairs)} {kind} ({len(known)} other pieces learned from)\n")
        others = {name: figures[name][""] for name in names[1:]}
        print(report.style_table({**figures[kind], **others}), flush=True)
    return figures


def _pieces(copying: learn.Copying | None, arguments: argparse.Namespace, start: int, count: int) -> Heard:
    """Songs from a seed on, or their copies, as the instruments hear them."""
    listen = learn.HearCopy(copying) if copying else learn.hear
    workers = 1 if copying else arguments.workers  # a network is not sent to other processes
    pieces, songs = held_out.heard(listen, start, count, duration=arguments.duration, workers=workers)
    return list(zip(pieces, songs, strict=True))


def _copying(arguments: argparse.Namespace) -> learn.Copying:
    """The set's codec, there and back."""
    model = _model(arguments.models)
    return lambda song: np.asarray(_coded(model, song).audio, np.float32)


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
    seconds = audio.shape[1] / RATE
    return codec.Copy(made, latents.numel() * _LATENT_BITS / seconds / 1000)


def _takes(model: Model, arguments: argparse.Namespace) -> takes.TakesReport:
    from engine.pipeline import Engine

    known = style.Classifier.load(arguments.classifier)
    found = takes.measure_takes(
        _engine(arguments) if arguments.planned else Engine(model),
        count=arguments.count,
        duration=arguments.duration,
        seed=held_out.TAKES_FROM,
        classifier=known,
    )
    print(f"\n{found.requests} held-out requests, two takes of {found.duration:g} s each\n")
    print(report.takes_tables(found), flush=True)
    return found


def _engine(arguments: argparse.Namespace) -> Engine:
    from engine.pipeline import Engine

    return Engine.load(arguments.models, device="auto", dtype="float32")


def _plans(arguments: argparse.Namespace) -> dict[str, planned.Kept]:
    engine, known = _engine(arguments), style.Classifier.load(arguments.classifier)
    ways: dict[str, tuple[float | None, bool | None]] = {
        "words and numbers, its own length": (None, False),
        "words and numbers": (arguments.duration, False),
        "words, numbers and codes": (arguments.duration, True),
    }
    found = {
        name: planned.measure_planned(
            engine, known, count=arguments.count, duration=length, thinking=True if codes else None
        )
        for name, (length, codes) in ways.items()
    }
    print(f"\nWhat a plan chose and what its take has: {arguments.count} held-out requests in a few words\n")
    print(report.figures_table(found), flush=True)
    return found


def _codes(arguments: argparse.Namespace) -> dict[str, followed.Followed]:
    import torch

    from engine.checkpoints import open_set

    engine, known = _engine(arguments), style.Classifier.load(arguments.classifier)
    shape = torch.tensor(open_set(arguments.models).dit.config.fsq_input_levels)
    basis = torch.cat((shape.new_ones(1), shape[:-1].cumprod(0)))

    def levels(codes: tuple[int, ...]) -> Any:
        return (torch.tensor(codes).unsqueeze(1) // basis % shape).numpy()

    found = {
        name: followed.measure_followed(
            engine, levels, known, count=arguments.count, duration=arguments.duration, planned=by_planner
        )
        for name, by_planner in {"the codes of songs": False, "the planner's codes": True}.items()
    }
    print(f"\nCodes that a take was to have and codes that it has: {arguments.count} held-out requests\n")
    print(report.figures_table(found), flush=True)
    return found


def _sources(arguments: argparse.Namespace) -> dict[str, Any]:
    engine = _engine(arguments)
    joins = changed.measure_joins(engine, count=arguments.count, duration=arguments.duration)
    covers = {
        task: changed.measure_covers(engine, task, count=arguments.count, duration=arguments.duration)
        for task in ("cover", "cover-nofsq")
    }
    print(f"\nThe middle third of {arguments.count} held-out songs made anew\n")
    print(report.figures_table({"joins": joins}), flush=True)
    print("\nThe songs in the words of another one, nothing said of tempo and key\n")
    print(report.figures_table(covers), flush=True)
    return {"joins": joins, "covers": covers}


def _judging(arguments: argparse.Namespace) -> judged.Judged:
    engine, known = _engine(arguments), style.Classifier.load(arguments.classifier)
    found = judged.measure_judged(engine, known, count=arguments.count, seeds=_SEEDS, duration=arguments.duration)
    print(f"\n{_SEEDS} takes of each of {arguments.count} held-out requests, judged as the studio does\n")
    print(report.figures_table({"takes": found}), flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
