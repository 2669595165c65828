"""Loading: one model however it is stored, nothing that is damaged, nothing that runs, each byte in memory once."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine import BadCheckpoint, Engine, InvalidRequest, Request
from engine.checkpoints import open_set, verify
from engine.components import Component, open_dit, open_vae
from engine.model import Acestep
from engine.models.loading import build, fill, read_silence, settle, slots
from engine.models.text import TextEncoder
from engine.models.vae import VAE
from engine.naming import NULL_CONDITION, VAE_NAMINGS
from engine.testing import make_checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")

ROOT = Path(__file__).parents[3]
CPU = torch.device("cpu")
SMALL: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "sliding_window": 16,
    "text_hidden_dim": 32,
    "num_lyric_encoder_hidden_layers": 1,
    "num_timbre_encoder_hidden_layers": 1,
    "num_attention_pooler_hidden_layers": 1,
    "timbre_fix_frame": 50,
    "vae": {"decoder_channels": 4, "channel_multiples": [1, 1, 1, 1, 1]},
    "text_encoder": {"num_hidden_layers": 1, "intermediate_size": 64},
}
"""Smaller still than tiny: what is loaded here is loaded many times."""

REQUEST = Request(caption="warm jazz", lyrics="[Verse]\nla la", duration=1, seeds=(7,), inference_steps=2)

DIT, VAE_FOLDER, TEXT = "acestep-v15-turbo", "vae", "Qwen3-Embedding-0.6B"
WEIGHTS = {DIT: "model.safetensors", VAE_FOLDER: "diffusion_pytorch_model.safetensors", TEXT: "model.safetensors"}


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("official"), lm=False, config=SMALL)


@pytest.fixture
def copy(official: Path, tmp_path: Path) -> Path:
    """A copy of the set that a test may change."""
    return Path(shutil.copytree(official, tmp_path / "copy"))


def rewrite(folder: Path, edit: Callable[[dict[str, Tensor]], Mapping[str, Tensor]]) -> None:
    """Stores a component's weights again, as ``edit`` gives them back."""
    path = folder / WEIGHTS[folder.name]
    edited = {name: value.contiguous() for name, value in edit(load_file(path)).items()}
    save_file(edited, path)


def filled(make: Callable[[], nn.Module], component: Component[Any], dtype: torch.dtype = torch.float32) -> nn.Module:
    """A module with the weights of a component; whatever loading leaves out stays NaN."""
    module = build(make, CPU, dtype)
    for parameter in module.parameters():
        parameter.fill_(torch.nan)
    fill(module, verify(component))
    settle(module)
    return module


def networks(root: Path, dtype: torch.dtype = torch.float32) -> nn.Module:
    component = open_dit(root / DIT)
    return filled(lambda: Acestep(component.config, guided=True), component, dtype)


def vae(root: Path, dtype: torch.dtype = torch.float32) -> nn.Module:
    component = open_vae(root / VAE_FOLDER)
    return filled(lambda: VAE(component.config), component, dtype)


def parameters(module: nn.Module) -> dict[str, Tensor]:
    """All weights under their official names."""
    found = {name: slot.target.narrow(0, slot.start, slot.rows).clone() for name, slot in slots(module).items()}
    assert found
    assert not any(value.isnan().any() for value in found.values())
    return found


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.fixture(scope="module")
def reference(official: Path) -> Any:
    return Engine.load(official, device="cpu").render(REQUEST)[0]


def renders_the_same(root: Path, reference: Any, **choice: Any) -> bool:
    take = Engine.load(root, device="cpu", **choice).render(REQUEST)[0]
    return torch.equal(take.latents, reference.latents) and torch.equal(take.audio, reference.audio)


# --- one model, many ways to store it --------------------------------------------------------------------------------


def test_every_weight_is_the_stored_one(official: Path) -> None:
    """Fused matrices included: q, k and v lie where their names say."""
    assert same(parameters(networks(official)), load_file(official / DIT / "model.safetensors"))


@pytest.mark.parametrize("naming", VAE_NAMINGS)
def test_every_naming_of_the_vae_is_the_same_vae(tmp_path: Path, naming: str) -> None:
    fused = make_checkpoint(tmp_path / "fused", lm=False, config=SMALL, vae_naming="fused")
    named = make_checkpoint(tmp_path / naming, lm=False, config=SMALL, vae_naming=naming)
    one, other = vae(fused), vae(named)
    for name, weight in parameters(one).items():
        torch.testing.assert_close(parameters(other)[name], weight, rtol=1e-6, atol=1e-7)
    latents = torch.randn(1, 2, 64, generator=torch.Generator().manual_seed(0))
    audio = one.decode(latents)
    assert audio.abs().max() > 1e-3
    torch.testing.assert_close(other.decode(latents), audio, rtol=0, atol=1e-5 * float(audio.abs().max()))
    mean = one.encode(audio)
    torch.testing.assert_close(other.encode(audio), mean, rtol=0, atol=1e-5 * float(mean.abs().max()))


def test_weight_norm_is_multiplied_out_as_torch_does_it(official: Path) -> None:
    """Over every axis but the first, also for transposed convolutions, whose first axis is their input."""
    stored = load_file(official / VAE_FOLDER / WEIGHTS[VAE_FOLDER])
    loaded = parameters(vae(official))
    names = [name.removesuffix(".weight_g") for name in stored if name.endswith(".weight_g")]
    assert any(".conv_t1" in name for name in names)
    for name in names:
        expected = torch._weight_norm(stored[f"{name}.weight_v"], stored[f"{name}.weight_g"], 0)
        torch.testing.assert_close(loaded[f"{name}.weight"], expected, rtol=1e-6, atol=1e-8)


def test_shards_are_one_file_cut_up(official: Path, copy: Path) -> None:
    """Cut so that the parts of every fused matrix lie in different files."""
    folder = copy / DIT
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    weight_map = {name: f"model-{1 + i % 3:05d}-of-00003.safetensors" for i, name in enumerate(sorted(tensors))}
    for file in set(weight_map.values()):
        save_file({name: tensors[name] for name in tensors if weight_map[name] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    assert same(parameters(networks(copy)), parameters(networks(official)))


@pytest.mark.parametrize("stored", ["bfloat16", "float16"])
def test_narrow_files_in_wide_modules_and_back(official: Path, tmp_path: Path, stored: str) -> None:
    """Widening is exact; narrowing rounds once, from what is stored."""
    narrow = getattr(torch, stored)
    exact = parameters(networks(official))
    root = make_checkpoint(tmp_path / stored, lm=False, config=SMALL, dtype=stored)
    assert same(parameters(networks(root)), {name: value.to(narrow).float() for name, value in exact.items()})
    in_narrow = {name: value.float() for name, value in parameters(networks(official, narrow)).items()}
    kept = "tokenizer.quantizer."
    expected = {name: value if name.startswith(kept) else value.to(narrow).float() for name, value in exact.items()}
    assert same(in_narrow, expected)


def test_a_narrow_vae_is_normed_before_it_is_rounded(official: Path) -> None:
    exact, narrow = parameters(vae(official)), parameters(vae(official, torch.bfloat16))
    assert same({name: value.bfloat16() for name, value in exact.items()}, narrow)


@pytest.mark.parametrize("folder", [DIT, TEXT])
def test_names_may_carry_the_prefix_of_a_model(copy: Path, reference: Any, folder: str) -> None:
    rewrite(copy / folder, lambda tensors: {f"model.{name}": value for name, value in tensors.items()})
    assert renders_the_same(copy, reference)


def test_a_diffusers_pipeline_is_the_same_model(tmp_path: Path, reference: Any) -> None:
    root = make_checkpoint(tmp_path / "pipeline", lm=False, config=SMALL, format="diffusers")
    assert renders_the_same(root, reference)


def test_a_diffusers_pipeline_may_hold_its_silence_among_the_weights(tmp_path: Path, reference: Any) -> None:
    root = make_checkpoint(tmp_path / "pipeline", lm=False, config=SMALL, format="diffusers")
    (root / "silence_latent.pt").unlink()
    assert renders_the_same(root, reference)


def test_a_sharded_xl_set_renders(tmp_path: Path) -> None:
    root = make_checkpoint(tmp_path / "xl", variant="xl-turbo", lm=False)
    assert len(list((root / "acestep-v15-xl-turbo").glob("*.safetensors"))) == 2
    take = Engine.load(root, device="cpu").render(REQUEST)[0]
    assert take.audio.isfinite().all()


def test_loading_tells_how_far_it_is(official: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    Engine.load(official, device="cpu", progress=lambda *event: heard.append(event))
    assert heard == [("load", i, 3) for i in range(4)]


def test_loaded_weights_do_not_learn_unasked(official: Path) -> None:
    module = networks(official)
    assert not any(p.requires_grad for p in module.parameters())
    assert not module.training


def test_bounds_are_settled_with_the_weights(official: Path) -> None:
    """Built on the meta device, they start out infinite, and attention would never take its fast way."""
    attention = networks(official).decoder.layers[0].self_attn
    largest = float(attention.q_norm.weight.abs().max() * attention.k_norm.weight.abs().max())
    assert attention.bound == pytest.approx(largest * attention.dim**0.5)


def test_the_text_encoder_knows_positions_after_loading(official: Path) -> None:
    """Its rotary tables are no weights; made on the meta device they would hold anything."""
    models = open_set(official)
    config = models.text_encoder.config
    rows = load_file(official / TEXT / "model.safetensors")["embed_tokens.weight"].shape[0]
    built = build(lambda: TextEncoder(config, rows), CPU, torch.float32)
    fill(built.model, verify(models.text_encoder))
    settle(built)
    made = TextEncoder(config, rows)
    made.model.load_state_dict(built.model.state_dict())
    tokens = torch.arange(12)[None] + 5
    with torch.no_grad():
        assert torch.equal(built.caption(tokens), made.eval().caption(tokens))
        assert not torch.allclose(built.caption(tokens)[:, -1], built.caption(tokens.flip(1))[:, 0])


def test_the_text_encoders_config_may_only_state_sizes(copy: Path, reference: Any) -> None:
    """Kernels and code that a config names are never asked for; what it leaves out has the published default."""
    path = copy / TEXT / "config.json"
    raw = json.loads(path.read_text())
    path.write_text(json.dumps(raw | {"attn_implementation": "kernels-community/flash-attn", "hidden_act": "foo"}))
    assert renders_the_same(copy, reference)


# --- what is not loaded ----------------------------------------------------------------------------------------------


def refusal(root: Path, dit: str | None = None) -> BadCheckpoint:
    """How loading the set in ``root`` fails: a sentence, a hint, and the exit code of what is missing."""
    with pytest.raises(BadCheckpoint) as caught:
        Engine.load(root, dit=dit, device="cpu")
    assert caught.value.exit_code == 3
    assert caught.value.error.endswith(".")
    assert caught.value.hint.endswith(".")
    return caught.value


def test_weights_of_another_size_are_refused(tmp_path: Path, copy: Path) -> None:
    other = make_checkpoint(tmp_path / "other", lm=False, config=SMALL | {"hidden_size": 96})
    shutil.copy(other / DIT / "model.safetensors", copy / DIT / "model.safetensors")
    error = refusal(copy)
    assert "belongs to another variant" in error.error
    assert f"{DIT}/model.safetensors" in error.error


def test_a_vae_of_another_family_is_refused(tmp_path: Path, copy: Path) -> None:
    other = make_checkpoint(tmp_path / "other", lm=False, config=SMALL | {"audio_acoustic_hidden_dim": 8})
    shutil.rmtree(copy / VAE_FOLDER)
    shutil.copytree(other / VAE_FOLDER, copy / VAE_FOLDER)
    assert "latent channels" in refusal(copy).error


@pytest.mark.parametrize("folder", WEIGHTS)
@pytest.mark.parametrize("kept", [0, 5, 1000, -1, -4097])
def test_a_file_that_was_cut_off_is_refused(copy: Path, folder: str, kept: int) -> None:
    path = copy / folder / WEIGHTS[folder]
    whole = path.read_bytes()
    path.write_bytes(whole[:kept])
    assert f"{folder}/{path.name}" in refusal(copy).error


@pytest.mark.parametrize("folder", WEIGHTS)
def test_a_file_without_one_of_its_tensors_is_refused_by_name(copy: Path, folder: str) -> None:
    lost = sorted(load_file(copy / folder / WEIGHTS[folder]))[3]
    rewrite(copy / folder, lambda tensors: {name: value for name, value in tensors.items() if name != lost})
    assert lost in refusal(copy).error


def test_a_file_that_changes_while_it_is_read_is_refused(copy: Path) -> None:
    component = open_dit(copy / DIT)
    found = verify(component)
    module = build(lambda: Acestep(component.config, guided=True), CPU, torch.float32)
    lost = "decoder.norm_out.weight"
    rewrite(copy / DIT, lambda tensors: {name: value for name, value in tensors.items() if name != lost})
    with pytest.raises(BadCheckpoint, match=f"{DIT}/model.safetensors no longer holds {lost}"):
        fill(module, found)
    (copy / DIT / "model.safetensors").unlink()
    with pytest.raises(BadCheckpoint, match=f"{DIT}/model.safetensors cannot be read"):
        fill(module, found)


def test_without_an_unconditional_prompt_there_is_no_guidance(tmp_path: Path) -> None:
    """Some merges have dropped it. Everything but guidance works, and guidance says why it does not."""
    root = make_checkpoint(tmp_path / "base", variant="base", lm=False, config=SMALL)
    path = root / "acestep-v15-base" / "model.safetensors"
    save_file({name: value for name, value in load_file(path).items() if name != NULL_CONDITION}, path)
    engine = Engine.load(root, device="cpu")
    with pytest.raises(InvalidRequest, match="unconditional") as caught:
        engine.render(REQUEST)
    assert caught.value.field == "guidance_scale"
    assert "Set guidance_scale to 1" in caught.value.hint
    assert engine.render(REQUEST.replace(guidance_scale=1))[0].audio.isfinite().all()


# --- silence ---------------------------------------------------------------------------------------------------------


class Command:
    """What unpickles as the execution of a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("container", ["pickle", "torch", "torch, beside a tensor", "torch, old"])
def test_a_pickle_with_a_command_in_it_does_not_run(copy: Path, tmp_path: Path, container: str) -> None:
    marker, path = tmp_path / "ran", copy / DIT / "silence_latent.pt"
    command = Command(f"touch '{marker}'")
    pickle.loads(pickle.dumps(command))
    assert marker.exists(), "the command itself works"
    marker.unlink()
    if container == "pickle":
        path.write_bytes(pickle.dumps(command))
    elif container == "torch":
        torch.save(command, path)
    elif container == "torch, old":
        torch.save(command, path, _use_new_zipfile_serialization=False)
    else:
        torch.save({"silence": torch.zeros(1, 64, 100), "more": command}, path)
    assert f"{DIT}/silence_latent.pt" in refusal(copy).error
    assert not marker.exists()


@pytest.mark.parametrize(
    "value",
    [
        {"silence": torch.zeros(1, 64, 100)},
        [1, 2, 3],
        torch.zeros(64, 100),
        torch.zeros(2, 64, 100),
        torch.zeros(1, 64, 0),
        torch.zeros(1, 63, 100),
        torch.full((1, 64, 100), torch.nan),
    ],
    ids=["dictionary", "list", "two axes", "two items", "no frames", "other channels", "not numbers"],
)
def test_what_is_no_silence_is_refused(copy: Path, value: Any) -> None:
    torch.save(value, copy / DIT / "silence_latent.pt")
    assert f"{DIT}/silence_latent.pt" in refusal(copy).error


def test_a_silence_that_was_cut_off_is_refused(copy: Path) -> None:
    path = copy / DIT / "silence_latent.pt"
    path.write_bytes(path.read_bytes()[:-100])
    assert "silence_latent.pt" in refusal(copy).error


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_silence_is_read_as_frames_in_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    stored = torch.randn(1, 64, 50, generator=torch.Generator().manual_seed(0)).to(dtype)
    torch.save(stored, tmp_path / "silence_latent.pt")
    silence = read_silence(tmp_path / "silence_latent.pt", 64)
    assert silence.dtype == torch.float32
    assert torch.equal(silence, stored.float().transpose(1, 2))


# --- memory ----------------------------------------------------------------------------------------------------------

BIG = SMALL | {
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 128,
}

MEASURE = """
import json, sys
from engine import Engine

def status(field):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))

Engine.load(sys.argv[1], device="cpu")  # every library is imported, every arena made
with open("/proc/self/clear_refs", "w") as peak:
    peak.write("5")
before = status("VmRSS")
model = Engine.load(sys.argv[2], device="cpu", dtype=sys.argv[3])._model
parts = (model.networks, model.vae, model.text)
weights = sum(p.numel() * p.element_size() for part in parts for p in part.parameters())
print(json.dumps({"weights": weights, "peak": status("VmHWM") - before, "after": status("VmRSS") - before}))
"""


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="peaks are measured as Linux counts them")
@pytest.mark.parametrize(("stored", "dtype"), [("float32", "float32"), ("bfloat16", "float32")])
def test_loading_holds_every_byte_once(official: Path, tmp_path: Path, stored: str, dtype: str) -> None:
    """The peak while loading stays under 1.3 times the weights, and what is left is the weights; 40 MB for the rest."""
    big = make_checkpoint(tmp_path / "big", lm=False, config=BIG, dtype=stored)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(official), str(big), dtype],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    measured = json.loads(done.stdout)
    assert measured["weights"] > 300e6
    assert measured["after"] < measured["weights"] + 40e6
    assert measured["peak"] < 1.3 * measured["weights"] + 40e6
