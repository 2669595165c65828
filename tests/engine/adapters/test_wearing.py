"""Adapters on a model: what they make of its weights, computed beside; and that nothing is left when they come off."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.adapters.wearing import Wardrobe, digest
from engine.checkpoints import open_set
from engine.errors import BadCheckpoint, EngineError, InvalidRequest
from engine.layout import Shapes, dit_tensors
from engine.model import Model, load_model
from engine.models.loading import slots
from engine.naming import to_diffusers
from engine.readers import Adapter
from engine.testing import make_checkpoint
from tests.engine.adapters.made import ATTENTION, MLP, lora, modules, peft_folder, random, save, single_file

Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("models"), lm=False)


def loaded(folder: Path, dtype: torch.dtype = torch.float32) -> Model:
    return load_model(open_set(folder), torch.device("cpu"), dtype, lambda *_: None)


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return loaded(folder)


@pytest.fixture(scope="module")
def shapes(model: Model) -> Shapes:
    return dit_tensors(model.config)


@pytest.fixture
def wardrobe(model: Model, tmp_path: Path) -> Iterator[Wardrobe]:
    wardrobe = Wardrobe(model, tmp_path / "adapters")
    yield wardrobe
    wardrobe.wear([])


def weights(model: Model) -> Weights:
    return {name: slot.value.clone() for name, slot in slots(model.networks).items()}


def hashes(model: Model) -> dict[str, str]:
    return {name: digest(slot.value) for name, slot in slots(model.networks).items() if slot.value.dim()}


def check(model: Model, before: Weights, expected: dict[str, Tensor]) -> None:
    """The weights of these modules are as expected, and all others as before."""
    after = weights(model)
    changed = {f"decoder.{module}.weight": weight for module, weight in expected.items()}
    for name, weight in after.items():
        if name in changed:
            assert not torch.equal(weight, before[name]), name
            torch.testing.assert_close(weight, changed[name], rtol=1e-5, atol=1e-6)
        else:
            assert torch.equal(weight, before[name]), name


def diffusers(module: str) -> str:
    return to_diffusers(f"decoder.{module}.weight")[1].removesuffix(".weight")


SPELLINGS: dict[str, Callable[[str], str]] = {
    "official": lambda module: module,
    "with the decoder's name": lambda module: f"decoder.{module}",
    "ComfyUI": lambda module: f"diffusion_model.{module}",
    "ComfyUI, with the decoder's name": lambda module: f"diffusion_model.decoder.{module}",
    "PEFT": lambda module: f"base_model.model.{module}",
    "diffusers": lambda module: f"transformer.{diffusers(module)}",
    "flat": lambda module: f"lycoris_{module.replace('.', '_')}",
    "flat, diffusers": lambda module: f"lora_unet_{diffusers(module).replace('.', '_')}",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("alpha", [None, 6.0])
def test_a_single_file(
    spelling: str, alpha: float | None, model: Model, shapes: Shapes, wardrobe: Wardrobe, tmp_path: Path
) -> None:
    before, pairs = weights(model), lora(shapes, names=(*ATTENTION, *MLP))
    path = single_file(tmp_path / "warm.safetensors", pairs, SPELLINGS[spelling], alpha)
    assert wardrobe.wear([Adapter(str(path), 0.7)])
    factor = 0.7 * (1.0 if alpha is None else alpha / 4)
    check(
        model,
        before,
        {m: before[f"decoder.{m}.weight"] + factor * up @ down for m, (down, up) in pairs.items()},
    )
    assert bool(wardrobe.remarks) == (alpha is None)


@pytest.mark.parametrize(
    ("config", "factor"),
    [
        ({"lora_alpha": 16}, 4.0),
        ({"lora_alpha": 16, "use_rslora": True}, 8.0),
        ({"lora_alpha": 2, "adapter": ".default"}, 0.5),
        ({"lora_alpha": 4, "alpha_pattern": {"q_proj": 8}}, None),
    ],
)
def test_a_folder_of_peft(
    config: dict[str, object], factor: float | None, model: Model, shapes: Shapes, wardrobe: Wardrobe, tmp_path: Path
) -> None:
    before, pairs = weights(model), lora(shapes)
    path = peft_folder(tmp_path / "warm", pairs, **config)
    wardrobe.wear([Adapter(str(path))])
    factors = {module: factor or (2.0 if module.endswith("q_proj") else 1.0) for module in pairs}
    check(
        model,
        before,
        {m: before[f"decoder.{m}.weight"] + factors[m] * up @ down for m, (down, up) in pairs.items()},
    )
    assert wardrobe.remarks == ()


@pytest.mark.parametrize("scale", [0.4, 1.0, 2.0])
def test_dora_of_peft(scale: float, model: Model, shapes: Shapes, wardrobe: Wardrobe, tmp_path: Path) -> None:
    """At 1 every row has the length that was learnt; below, the way there is taken in part."""
    before, pairs = weights(model), lora(shapes)
    lengths = {m: 1 + random(shape[0], seed=f"{m}m").abs() for m, shape in modules(shapes).items()}
    wardrobe.wear([Adapter(str(peft_folder(tmp_path / "dora", pairs, magnitude=lengths, use_dora=True)), scale)])
    expected = {}
    for module, (down, up) in pairs.items():
        moved = before[f"decoder.{module}.weight"] + scale * up @ down
        row = scale * lengths[module] / moved.norm(dim=1) + 1 - scale
        expected[module] = moved * row[:, None]
    check(model, before, expected)
    if scale == 1:
        name = f"decoder.{next(iter(pairs))}.weight"
        torch.testing.assert_close(weights(model)[name].norm(dim=1), lengths[next(iter(pairs))])


def factors(size: int) -> tuple[int, int]:
    """Two factors of a size, the smaller first."""
    first = next(factor for factor in (4, 3, 2, 1) if size % factor == 0)
    return first, size // first


def kron(first: Tensor, second: Tensor) -> Tensor:
    return torch.einsum("ab,cd->acbd", first, second).reshape(
        first.shape[0] * second.shape[0], first.shape[1] * second.shape[1]
    )


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("along", [None, "rows", "columns"])
def test_lokr(whole: bool, along: str | None, model: Model, shapes: Shapes, wardrobe: Wardrobe, tmp_path: Path) -> None:
    """As LyCORIS writes it: factored by rank or whole, with and without DoRA's magnitudes along either axis."""
    before, tensors, expected, rank, alpha, scale = weights(model), {}, {}, 2, 4.0, 0.8
    for module, (out, inside) in modules(shapes).items():
        (a, c), (b, d) = factors(out), factors(inside)
        stem = f"lycoris_{module.replace('.', '_')}"
        w1 = tensors[f"{stem}.lokr_w1"] = random(a, b, seed=f"{module}1")
        if whole:
            w2 = tensors[f"{stem}.lokr_w2"] = random(c, d, seed=f"{module}2")
        else:
            left = tensors[f"{stem}.lokr_w2_a"] = random(c, rank, seed=f"{module}2a")
            right = tensors[f"{stem}.lokr_w2_b"] = random(rank, d, seed=f"{module}2b")
            w2 = left @ right
        tensors[f"{stem}.alpha"] = torch.tensor(alpha)
        moved = before[f"decoder.{module}.weight"] + scale * alpha / rank * kron(w1, w2)
        if along is not None:
            axis = 1 if along == "rows" else 0
            shape = (out, 1) if along == "rows" else (1, inside)
            learnt = tensors[f"{stem}.dora_scale"] = 1 + random(*shape, seed=f"{module}m").abs()
            eps = torch.finfo(torch.float32).eps
            moved = moved * (scale * learnt / (moved.norm(dim=axis, keepdim=True) + eps) + 1 - scale)
        expected[module] = moved
    metadata = {"lokr_config": json.dumps({"linear_dim": rank, "linear_alpha": alpha})}
    wardrobe.wear([Adapter(str(save(tmp_path / "lokr.safetensors", tensors, metadata)), scale)])
    check(model, before, expected)


def test_a_whole_lokr_that_says_no_rank_is_taken_as_it_is(
    model: Model, shapes: Shapes, wardrobe: Wardrobe, tmp_path: Path
) -> None:
    before = weights(model)
    module, (out, inside) = next(iter(modules(shapes).items()))
    w1, w2 = random(2, 2, seed="1"), random(out // 2, inside // 2, seed="2")
    flat = f"lycoris_{module.replace('.', '_')}"
    tensors = {f"{flat}.lokr_w1": w1, f"{flat}.lokr_w2": w2, f"{flat}.alpha": torch.tensor(7.0)}
    wardrobe.wear([Adapter(str(save(tmp_path / "k.safetensors", tensors)))])
    check(model, before, {module: before[f"decoder.{module}.weight"] + kron(w1, w2)})


def test_a_stack(model: Model, shapes: Shapes, wardrobe: Wardrobe, tmp_path: Path) -> None:
    """Several at once, each with its own scale; one with scale 0 is none."""
    before = weights(model)
    one, two = lora(shapes, 4), lora(shapes, 2, ("self_attn.q_proj", "mlp.up_proj"), tag="two")
    files = [single_file(tmp_path / f"{i}.safetensors", pairs, lambda m: m, 2.0) for i, pairs in enumerate((one, two))]
    wardrobe.wear([Adapter(str(files[0]), 0.5), Adapter(str(files[1]), 1.5), Adapter(str(files[0]), 0)])
    expected = {}
    for module in {*one, *two}:
        expected[module] = before[f"decoder.{module}.weight"].clone()
        for pairs, factor in ((one, 0.5 * 2 / 4), (two, 1.5 * 2 / 2)):
            if module in pairs:
                expected[module] += factor * pairs[module][1] @ pairs[module][0]
    check(model, before, expected)
    assert [(each["name"], each["scale"]) for each in wardrobe.identity] == [("0", 0.5), ("1", 1.5)]
    assert all(len(each["sha256"]) == 64 for each in wardrobe.identity)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_taken_off_nothing_is_left(folder: Path, dtype: torch.dtype, tmp_path: Path) -> None:
    """By hash, after any order of putting on and taking off."""
    model = loaded(folder, dtype)
    shapes, before = dit_tensors(model.config), hashes(model)
    wardrobe = Wardrobe(model, tmp_path)
    one = single_file(tmp_path / "one.safetensors", lora(shapes, 4, (*ATTENTION, *MLP)), lambda m: m)
    two = peft_folder(tmp_path / "two", lora(shapes, 2, ("self_attn.q_proj", "cross_attn.v_proj"), tag="2"))
    seen = {}
    for worn in ([(one, 1.0)], [(two, 2.0)], [], [(one, 1.0), (two, 0.3)], [(two, 2.0)], [(one, 1.0)], []):
        wardrobe.wear([Adapter(str(path), scale) for path, scale in worn])
        now = hashes(model)
        assert seen.setdefault(tuple(worn), now) == now
    assert seen[()] == before
    assert seen[((one, 1.0),)] != before


def test_the_same_again_is_not_merged_again(shapes: Shapes, wardrobe: Wardrobe, tmp_path: Path) -> None:
    path = single_file(tmp_path / "one.safetensors", lora(shapes), lambda m: m)
    assert wardrobe.wear([Adapter(str(path), 0.5)])
    assert not wardrobe.wear([Adapter(str(path), 0.5)])
    assert wardrobe.wear([Adapter(str(path), 0.6)])
    single_file(path, lora(shapes, tag="new"), lambda m: m)  # the file itself has changed
    assert wardrobe.wear([Adapter(str(path), 0.6)])
    assert wardrobe.wear([])
    assert not wardrobe.wear([Adapter(str(path), 0)])


def test_adapters_are_called_by_name(model: Model, shapes: Shapes, tmp_path: Path) -> None:
    home = tmp_path / "adapters"
    home.mkdir()
    single_file(home / "warm.safetensors", lora(shapes), lambda m: m)
    peft_folder(home / "bright", lora(shapes))
    wardrobe = Wardrobe(model, home)
    assert wardrobe.wear([Adapter("warm"), Adapter("bright", 0.5), Adapter("warm.safetensors", 0.1)])
    assert [each["name"] for each in wardrobe.identity] == ["warm", "bright", "warm"]
    with pytest.raises(EngineError, match=r"no adapter called 'cold'.*There is: bright, warm") as refused:
        wardrobe.wear([Adapter("cold")])
    assert refused.value.exit_code == 3
    wardrobe.wear([])


# --- what does not fit -----------------------------------------------------------------------------------------------


def without(pairs: dict[str, tuple[Tensor, Tensor]], part: str) -> dict[str, Tensor]:
    tensors = {}
    for module, (down, up) in pairs.items():
        tensors |= {f"{module}.lora_A.weight": down, f"{module}.lora_B.weight": up}
    first = next(iter(pairs))
    tensors.pop(f"{first}.lora_{part}.weight")
    return tensors


def bad_files(shapes: Shapes) -> dict[str, tuple[dict[str, Tensor], str]]:
    """Tensors of files that are no good, with what is said of them."""
    pairs = lora(shapes)
    module = next(iter(pairs))
    down, up = pairs[module]
    good = {f"{module}.lora_A.weight": down, f"{module}.lora_B.weight": up}
    return {
        "a half": (without(pairs, "B"), "lacks the part up of "),
        "other half": (without(pairs, "A"), "lacks the part down of "),
        "ranks": ({**good, f"{module}.lora_B.weight": up[:, :3]}, "has parts of the ranks 3 and 4 of "),
        "wide": ({**good, f"{module}.lora_A.weight": torch.cat((down, down), 1)}, "does not fit: its "),
        "layer": (
            {f"layers.99.self_attn.q_proj.lora_{half}.weight": good[f"{module}.lora_{half}.weight"] for half in "AB"},
            "changes layers.99.self_attn.q_proj, which this turbo model does not have",
        ),
        "foreign": ({"unet.down.weight": down}, "holds unet.down.weight, which is of no LoRA or LoKr"),
        "hada": ({f"{module}.hada_w1_a": down}, "which is of no LoRA or LoKr"),
        "narrow": (
            {name: tensor.to(torch.float8_e4m3fn) for name, tensor in good.items()},
            "as F8_E4M3",
        ),
        "three axes": ({**good, f"{module}.lora_A.weight": down[..., None]}, "has parts that are no matrices"),
        "magnitudes": ({**good, f"{module}.lora_magnitude_vector": down[0, :3]}, "has magnitudes of "),
    }


@pytest.mark.parametrize(
    "case",
    ["a half", "other half", "ranks", "wide", "layer", "foreign", "hada", "narrow", "three axes", "magnitudes"],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    case: str, model: Model, shapes: Shapes, wardrobe: Wardrobe, tmp_path: Path
) -> None:
    before = hashes(model)
    tensors, said = bad_files(shapes)[case]
    path = save(tmp_path / "bad.safetensors", tensors)
    with pytest.raises(InvalidRequest) as refused:
        wardrobe.wear([Adapter(str(path))])
    assert said in refused.value.error
    assert refused.value.error.startswith(f"The adapter {tmp_path.name}/bad.safetensors ")
    assert refused.value.error.endswith(".")
    assert refused.value.hint.endswith(".")
    assert refused.value.field == "adapters"
    assert hashes(model) == before


def test_an_adapter_of_another_model_says_which(
    model: Model, shapes: Shapes, wardrobe: Wardrobe, tmp_path: Path
) -> None:
    wide = {name: (shape[0] * 2, *shape[1:]) for name, shape in shapes.items()}
    path = peft_folder(tmp_path / "xl", lora(wide), base_model_name_or_path="acestep-v15-xl-turbo")
    with pytest.raises(InvalidRequest, match="It was made for acestep-v15-xl-turbo"):
        wardrobe.wear([Adapter(str(path))])


def test_files_that_are_none(wardrobe: Wardrobe, shapes: Shapes, tmp_path: Path) -> None:
    (tmp_path / "text.safetensors").write_text("hello")
    (tmp_path / "pickled").mkdir()
    (tmp_path / "pickled" / "adapter_model.bin").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    save(tmp_path / "nothing.safetensors", {})
    cut = single_file(tmp_path / "cut.safetensors", lora(shapes), lambda m: m)
    cut.write_bytes(cut.read_bytes()[:-10])
    for name, said in (
        ("text.safetensors", "is not a whole safetensors file"),
        ("pickled", "only safetensors files are read"),
        ("empty", "there is no adapter_model.safetensors in it"),
        ("nothing.safetensors", "holds nothing"),
        ("cut.safetensors", "is cut off"),
        ("gone.safetensors", "There is no adapter called"),
    ):
        with pytest.raises(EngineError, match=said):
            wardrobe.wear([Adapter(str(tmp_path / name))])
    other = peft_folder(tmp_path / "ia3", {"layers.0.x": (random(1, 1, seed="a"), random(1, 1, seed="b"))})
    (other / "adapter_config.json").write_text("[]")
    with pytest.raises(BadCheckpoint, match="is not a JSON object"):
        wardrobe.wear([Adapter(str(other))])


def test_an_adapter_that_makes_no_numbers_leaves_the_model_as_it_was(
    model: Model, shapes: Shapes, wardrobe: Wardrobe, tmp_path: Path
) -> None:
    before, pairs = hashes(model), lora(shapes)
    last = list(pairs)[-1]
    pairs[last] = (pairs[last][0] * float("nan"), pairs[last][1])
    path = single_file(tmp_path / "bad.safetensors", pairs, lambda m: m)
    good = single_file(tmp_path / "good.safetensors", lora(shapes, tag="g"), lambda m: m)
    wardrobe.wear([Adapter(str(good))])
    with pytest.raises(InvalidRequest, match="values that are not numbers"):
        wardrobe.wear([Adapter(str(good)), Adapter(str(path))])
    assert hashes(model) == before
    assert wardrobe.identity == []


def test_a_model_whose_file_has_changed_is_not_taken_for_what_it_was(tmp_path: Path) -> None:
    model = loaded(make_checkpoint(tmp_path / "models", lm=False))
    wardrobe = Wardrobe(model, tmp_path)
    path = single_file(tmp_path / "one.safetensors", lora(dit_tensors(model.config)), lambda m: m)
    wardrobe.wear([Adapter(str(path))])
    make_checkpoint(tmp_path / "models", lm=False, seed=1)
    with pytest.raises(BadCheckpoint, match="its file has changed since"):
        wardrobe.wear([])
