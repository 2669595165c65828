"""``python -m tools.nano STAGE``: trains acetui-nano, stage after stage, in slices.

Every stage goes on from where it was left. What it makes lies in ``build/nano``; ``pack`` writes the set that ships.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import engine.nano
from engine.checkpoints import open_set, verify
from engine.models.loading import fill as fill_module
from engine.models.vae import VAE
from engine.planner.vocabulary import encode
from tools.nano import clock, codec, distil, flow, material, pack
from tools.nano.codes import CodesTrainer
from tools.nano.follow import FollowTrainer
from tools.nano.networks import Networks, make_networks
from tools.nano.planner.excerpts import Excerpts, codes_of
from tools.nano.planner.network import make_planner
from tools.nano.planner.tokens import build_tokenizer
from tools.nano.planner.training import PlannerTrainer, published
from tools.nano.sizes import CODES, planner_config, vae_config
from tools.nano.slices import Trainer, run

SEED = 5
DEFAULT_FOLDER = Path("build/nano")
SHIPPED = "turbo"
"""Two variants and a planner would not stay within the 30 MB of the package."""


@dataclass(frozen=True)
class Work:
    """Where and how a stage works."""

    folder: Path
    device: torch.device
    minutes: float
    steps: int | None

    def state(self, stage: str) -> dict[str, Tensor]:
        """The averaged weights of a stage that has been run; raises FileNotFoundError."""
        trained, shipped = self.folder / stage / "state.pt", self._shipped(stage)
        if trained.exists():
            average: dict[str, Tensor] = torch.load(trained, weights_only=True, map_location="cpu")["trainer"][
                "average"
            ]
            return average
        if shipped.exists():
            return load_file(shipped)
        raise FileNotFoundError(f"{trained} is missing: run `python -m tools.nano {stage}` first.")

    def trained(self, stage: str) -> bool:
        """Whether a stage has been run here."""
        return (self.folder / stage / "state.pt").exists()

    def has(self, stage: str) -> bool:
        """Whether there are weights of a stage."""
        return self.trained(stage) or self._shipped(stage).exists()

    def ship(self, stage: str, weights: dict[str, Tensor]) -> None:
        """Keeps weights for a stage to begin with, and later ones to build on."""
        self._shipped(stage).parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value.detach().contiguous() for name, value in weights.items()}, self._shipped(stage))

    def _shipped(self, stage: str) -> Path:
        return self.folder / stage / "shipped.safetensors"

    def train(self, stage: str, trainer: Trainer) -> None:
        """One slice of a stage."""
        done = run(trainer, self.folder / stage, self.minutes)
        print(f"{stage}: {'all steps are done' if done else 'to be continued'}", flush=True)


def fill(module: nn.Module, weights: dict[str, Tensor]) -> None:
    """Puts named weights into a module; names that are not there stay as they are."""
    own = dict(module.named_parameters())
    with torch.no_grad():
        for name, value in weights.items():
            own[name].copy_(value)


def frozen_vae(work: Work) -> VAE:
    """The codec as its first stage left it, with latents brought to unit spread: what every later stage begins with."""
    vae = VAE(vae_config())
    fill(vae, work.state("codec"))
    note = work.folder / "codec" / "spread.json"
    if not note.exists():
        note.write_text(json.dumps(codec.spread(vae, range(SEED, SEED + 48))))
    codec.rescale(vae, 1 / float(json.loads(note.read_text())))
    return vae.to(work.device)


def trained_vae(work: Work) -> VAE:
    """The codec with the latest decoder there is."""
    vae = frozen_vae(work)
    if work.has("decoder"):
        fill(vae, work.state("decoder"))
    return vae


def stage_unpack(work: Work) -> None:
    """Takes the set that ships apart again, so that training goes on from it where no state was kept."""
    models = open_set(engine.nano.FOLDER)
    networks, vae = make_networks("turbo", SEED), VAE(vae_config())
    fill_module(vae, verify(models.vae))
    fill_module(networks.acestep, verify(models.dit))
    fill_module(networks.text.model, verify(models.text_encoder))
    work.ship("codec", dict(vae.named_parameters()))
    (work.folder / "codec" / "spread.json").write_text("1.0")
    codes = {f"{part}.{n}": v for part in ("tokenizer", "detokenizer") for n, v in _part(networks, part)}
    work.ship("codes", codes)
    work.ship("base", dict(networks.modules.named_parameters()))
    if models.lm is not None:
        planner = make_planner(models.lm.config, SEED)
        fill_module(planner, verify(models.lm))
        work.ship("planner", {f"model.{name}": value for name, value in planner.named_parameters()})


def _part(networks: Networks, part: str) -> Iterable[tuple[str, Tensor]]:
    return networks.acestep.get_submodule(part).named_parameters()


def stage_codec(work: Work) -> None:
    """Both halves of the VAE."""
    vae = VAE(vae_config())
    codec.initialise(vae, SEED)
    work.train("codec", codec.CodecTrainer(vae, "both", work.steps or 2400, SEED, work.device))


def stage_decoder(work: Work) -> None:
    """The VAE's decoder against the encoder as it is."""
    work.train("decoder", codec.CodecTrainer(frozen_vae(work), "decoder", work.steps or 6000, SEED, work.device))


def stage_latents(work: Work) -> None:
    """Songs as latents."""
    material.make_shards(frozen_vae(work).eval(), work.steps or 48, work.folder / "latents", work.minutes)


def networks_of(work: Work, variant: str, *stages: str) -> Networks:
    """Networks with the weights of some stages, the later ones over the earlier; the 5 Hz codec is that of its own."""
    networks = make_networks(variant, SEED)
    for stage in stages:
        weights = work.state(stage)
        if stage == "codes":
            weights = {f"acestep.{name}": value for name, value in weights.items()}
        fill(
            networks.modules, {name: value for name, value in weights.items() if _codec_of(name) == (stage == "codes")}
        )
    networks.modules.to(work.device)
    return networks


def _codec_of(name: str) -> bool:
    """Whether a weight belongs to the 5 Hz codec."""
    return name.startswith(("acestep.tokenizer.", "acestep.detokenizer."))


def stage_codes(work: Work) -> None:
    """The 5 Hz codec."""
    networks = networks_of(work, "base")
    shards = material.Material(work.folder / "latents")
    silence = clock.ruler(clock.PERIOD).to(work.device)
    work.train("codes", CodesTrainer(networks.acestep, shards, silence, work.steps or 2000, SEED))


def stage_base(work: Work) -> None:
    """The transformer and the encoders, by flow matching."""
    networks = networks_of(work, "base", "codes", *(["base"] if work.has("base") else []))
    batches = _batches(work, networks)
    work.train("base", flow.FlowTrainer(networks, batches, work.steps or 6000, SEED))


def stage_turbo(work: Work) -> None:
    """The 8-step student of the base variant."""
    teacher, student = networks_of(work, "base", "codes", "base"), networks_of(work, "turbo", "codes", "base")
    work.train("turbo", distil.DistilTrainer(teacher, student, _batches(work, student), work.steps or 1500, SEED))


def _batches(work: Work, networks: Networks) -> flow.Batches:
    shards = material.Material(work.folder / "latents")
    return flow.Batches(networks, shards, clock.ruler(clock.PERIOD).to(work.device), SEED)


def stage_follow(work: Work) -> None:
    """What codes come to, so that the transformer as it is follows them."""
    networks = networks_of(work, "base", "codes", "base")
    shards, silence = material.Material(work.folder / "latents"), clock.ruler(clock.PERIOD).to(work.device)
    work.train("follow", FollowTrainer(networks, shards, silence, work.steps or 600, SEED))


def stage_planner(work: Work) -> None:
    """The 5 Hz language model."""
    networks = networks_of(work, "base", "codes")
    shards, silence = material.Material(work.folder / "latents").shards, clock.ruler(clock.PERIOD).to(work.device)
    codes = codes_of(networks.acestep, shards, silence, work.folder / "planner" / "codes.safetensors")
    tokenizer = build_tokenizer(CODES)
    network = make_planner(planner_config(tokenizer.get_vocab_size()), SEED).to(work.device)
    trainer = PlannerTrainer(network, tokenizer, Excerpts(shards, codes), work.steps or 3000, SEED)
    if work.has("planner") and not work.trained("planner"):
        trainer.begin({name.removeprefix("model."): value for name, value in work.state("planner").items()})
    work.train("planner", trainer)
    print("songs that were not trained on, nats a token of words and codes: {:.3f} {:.3f}".format(*trainer.tested()))


def stage_pack(work: Work) -> None:
    """Writes the set that ships; every other variant that was trained makes a set of its own beside the states."""
    vae = trained_vae(work)
    for variant in ("turbo", "base"):
        if work.has(variant):
            root = engine.nano.FOLDER if variant == SHIPPED else work.folder / f"set-{variant}"
            networks = networks_of(work, variant, "codes", variant)
            if work.has("follow"):
                fill(nn.ModuleDict({"detokenizer": networks.acestep.detokenizer}), work.state("follow"))
            networks.assume_a_tempo()
            pack.write_set(vae, networks, variant, clock.ruler(clock.PERIOD), root)
            if work.has("planner"):
                _pack_planner(work, root)
            print(f"{root}: {sum(f.stat().st_size for f in root.rglob('*') if f.is_file()) / 1e6:.1f} MB", flush=True)


def _pack_planner(work: Work, root: Path) -> None:
    tokenizer = build_tokenizer(CODES)
    network = make_planner(planner_config(tokenizer.get_vocab_size()), SEED)
    published(network, encode(tokenizer, "<|audio_code_0|>")[0], work.state("planner"), SEED)
    pack.write_planner(network, tokenizer, root / pack.PLANNER_FOLDER)


STAGES: dict[str, Callable[[Work], None]] = {
    "unpack": stage_unpack,
    "codec": stage_codec,
    "latents": stage_latents,
    "decoder": stage_decoder,
    "codes": stage_codes,
    "base": stage_base,
    "turbo": stage_turbo,
    "follow": stage_follow,
    "planner": stage_planner,
    "pack": stage_pack,
}


def keep_freed_memory() -> None:
    """Tells the C library to reuse large blocks: a step frees and asks for the same ones, and fresh pages are dear.

    A third of a training step on CPU (docs/performance.md). Elsewhere than on glibc nothing happens.
    """
    trim, mapped = -1, -3
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(mapped, 32 * 2**20)
        library.mallopt(trim, 2**31 - 1)


def main() -> None:
    """Runs one stage."""
    keep_freed_memory()
    parser = argparse.ArgumentParser(prog="python -m tools.nano", description=__doc__)
    parser.add_argument("stage", choices=STAGES, help="in this order; each goes on from where it was left")
    parser.add_argument("--minutes", type=float, default=110.0, help="how long this slice may take (default: 110)")
    parser.add_argument("--steps", type=int, help="steps in all, or shards (default: the published model's)")
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="where states are kept")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, help="CPU threads")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    STAGES[args.stage](Work(args.folder, torch.device(args.device), args.minutes, args.steps))


if __name__ == "__main__":
    main()
