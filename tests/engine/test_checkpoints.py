"""Finding models, picking a set, and every way in which one can be unfinished or damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from engine import nano
from engine.checkpoints import (
    data_folder,
    find_models,
    inventory,
    open_set,
    silence_latent_path,
    verify,
    weights_hash,
)
from engine.components import open_dit, open_text_encoder, open_vae
from engine.errors import BadCheckpoint
from engine.testing import make_checkpoint

Tensors = dict[str, torch.Tensor]
NORM = "decoder.norm_out.weight"


@pytest.fixture(scope="session")
def tiny_xl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("xl"), variant="xl-turbo", lm=False)


@pytest.fixture(scope="session")
def tiny_diffusers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("pipeline"), variant="turbo", format="diffusers")


@pytest.fixture
def dit(tiny_turbo: Path, tmp_path: Path) -> Path:
    """A copy of the tiny DiT folder that a test may damage."""
    return Path(shutil.copytree(tiny_turbo / "acestep-v15-turbo", tmp_path / "acestep-v15-turbo"))


def change(file: Path, edit: Callable[[Tensors], object]) -> None:
    tensors = load_file(file)
    edit(tensors)
    save_file(tensors, file)


def refusal(action: Callable[[], object]) -> BadCheckpoint:
    """The BadCheckpoint that ``action`` raises, which must be one sentence and a hint."""
    with pytest.raises(BadCheckpoint) as caught:
        action()
    error = caught.value
    assert error.exit_code == 3
    assert error.error.endswith(".")
    assert ". " not in error.error
    assert "\n" not in str(error)
    assert error.hint.endswith(".")
    return error


# --- where models are --------------------------------------------------------------------------------------------


def test_models_are_looked_for_in_order(tmp_path: Path) -> None:
    named = {name: tmp_path / name for name in ("explicit", "own", "courtesy", "data")}
    for folder in (*named.values(), named["data"] / "models"):
        folder.mkdir()
    env = {
        "ACETUI_MODELS": str(named["own"]),
        "ACESTEP_CHECKPOINTS_DIR": str(named["courtesy"]),
        "ACETUI_DATA": str(named["data"]),
    }
    assert find_models(str(named["explicit"]), env) == named["explicit"]
    assert find_models(None, env) == named["own"]
    del env["ACETUI_MODELS"]
    assert find_models(None, env) == named["courtesy"]
    del env["ACESTEP_CHECKPOINTS_DIR"]
    assert find_models(None, env) == named["data"] / "models"


def test_a_named_folder_that_is_not_there_is_not_passed_over(tmp_path: Path) -> None:
    error = refusal(lambda: find_models(None, {"ACETUI_MODELS": str(tmp_path / "gone"), "HOME": str(tmp_path)}))
    assert "ACETUI_MODELS" in error.error
    assert "gone" in error.error


def test_the_model_in_the_box_stands_in_only_where_nothing_was_ever_configured(tmp_path: Path) -> None:
    env = {"ACETUI_DATA": str(tmp_path / "data")}
    assert find_models(None, env) == nano.FOLDER
    refusal(lambda: find_models(None, env | {"ACETUI_MODELS": str(tmp_path / "gone")}))
    refusal(lambda: find_models(tmp_path / "gone", env))
    (tmp_path / "data" / "models").mkdir(parents=True)
    assert find_models(None, env) == tmp_path / "data" / "models"


def test_a_models_folder_on_a_disk_that_is_gone_is_missed_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "models").symlink_to(tmp_path / "unplugged")
    refusal(lambda: find_models(None, {"ACETUI_DATA": str(tmp_path)}))


def test_the_model_in_the_box_can_be_asked_for_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_models("nano", {}) == nano.FOLDER
    assert find_models(None, {"ACETUI_MODELS": "nano"}) == nano.FOLDER
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nano").mkdir()
    assert find_models("nano", {}) == Path("nano")


def test_no_models_at_all_says_how_to_get_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nano, "FOLDER", tmp_path / "left out of this package")
    error = refusal(lambda: find_models(None, {"ACETUI_DATA": str(tmp_path)}))
    assert "acestep-v15-turbo" in error.hint
    assert "--models" in error.hint


def test_data_folder_follows_the_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert data_folder({"XDG_DATA_HOME": str(tmp_path)}) == tmp_path / "acetui"
    monkeypatch.setattr("sys.platform", "darwin")
    assert data_folder({}).parts[-3:] == ("Library", "Application Support", "acetui")


# --- which models make a set -------------------------------------------------------------------------------------


def test_a_whole_set_opens_and_verifies(tiny_turbo: Path) -> None:
    models = open_set(tiny_turbo)
    assert [component.name for component in models.components] == [
        "acestep-v15-turbo",
        "vae",
        "Qwen3-Embedding-0.6B",
        "acestep-5Hz-lm-0.6B",
    ]
    for component in models.components:
        for tensor in verify(component).values():
            assert tensor.file.is_file()
            assert tensor.dtype == "F32"
    assert silence_latent_path(models.dit) == models.dit.folder / "silence_latent.pt"


def test_turbo_is_preferred_and_names_may_be_short(tiny_turbo: Path, tiny_xl: Path, tmp_path: Path) -> None:
    for name in ("vae", "Qwen3-Embedding-0.6B"):
        (tmp_path / name).symlink_to(tiny_turbo / name)
    for variant in ("base", "turbo-shift1", "turbo"):
        (tmp_path / f"acestep-v15-{variant}").symlink_to(tiny_turbo / "acestep-v15-turbo")
    (tmp_path / "acestep-v15-xl-turbo").symlink_to(tiny_xl / "acestep-v15-xl-turbo")
    assert list(inventory(tmp_path).dits) == [
        "acestep-v15-turbo",
        "acestep-v15-turbo-shift1",
        "acestep-v15-xl-turbo",
        "acestep-v15-base",
    ]
    assert open_set(tmp_path).dit.name == "acestep-v15-turbo"
    assert open_set(tmp_path, dit="base").dit.name == "acestep-v15-base"
    xl = open_set(tmp_path, dit="acestep-v15-xl-turbo").dit
    assert len(xl.files) == 2
    assert xl.config.timbre_has_cls
    assert verify(xl)


def test_what_is_named_and_missing_is_refused_with_a_list(tiny_turbo: Path) -> None:
    error = refusal(lambda: open_set(tiny_turbo, dit="acestep-v15-sft"))
    assert "acestep-v15-sft" in error.error
    assert "acestep-v15-turbo" in error.hint
    assert "acestep-5Hz-lm-0.6B" in refusal(lambda: open_set(tiny_turbo, lm="4B")).hint
    assert "There is: vae." in refusal(lambda: open_set(tiny_turbo, vae="scragvae")).hint


def test_an_empty_folder_and_a_models_own_folder(tiny_turbo: Path, tmp_path: Path) -> None:
    assert "--models" in refusal(lambda: open_set(tmp_path)).hint
    assert str(tiny_turbo) in refusal(lambda: open_set(tiny_turbo / "acestep-v15-turbo")).hint
    assert "cannot be read" in refusal(lambda: open_set(tmp_path / "gone")).error


def test_text_encoder_without_tokenizer(tiny_turbo: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_turbo / "Qwen3-Embedding-0.6B", tmp_path / "Qwen3-Embedding-0.6B"))
    (folder / "tokenizer.json").unlink()
    assert "tokenizer.json" in refusal(lambda: open_text_encoder(folder)).error


def test_an_unfinished_planner_is_left_out_unless_named(tiny_turbo: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(tiny_turbo, tmp_path / "set"))
    (root / "acestep-5Hz-lm-0.6B" / "model.safetensors").unlink()
    assert open_set(root).lm is None
    assert "holds no weights" in refusal(lambda: open_set(root, lm="0.6B")).error
    assert open_set(tiny_turbo, lm="none").lm is None


def test_components_that_do_not_fit_together(tiny_turbo: Path, tmp_path: Path) -> None:
    root = make_checkpoint(tmp_path, lm=False, config={"text_hidden_dim": 32})
    shutil.rmtree(root / "Qwen3-Embedding-0.6B")
    shutil.copytree(tiny_turbo / "Qwen3-Embedding-0.6B", root / "Qwen3-Embedding-0.6B")
    error = refusal(lambda: open_set(root))
    assert "64" in error.error
    assert "32" in error.error


def test_a_diffusers_pipeline_is_the_same_model(tiny_diffusers: Path, tiny_turbo: Path) -> None:
    models, official = open_set(tiny_diffusers), open_set(tiny_turbo)
    assert models.dit.name == "acestep-v15-turbo"
    assert models.dit.format == "diffusers"
    assert models.dit.config.encoder == official.dit.config.encoder
    assert verify(models.dit).keys() == verify(official.dit).keys()
    assert all(verify(component) for component in models.components)
    assert models.text_encoder.tokenizer == tiny_diffusers / "tokenizer" / "tokenizer.json"


def test_silence_of_a_diffusers_pipeline_may_lie_among_its_weights(tiny_diffusers: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(tiny_diffusers, tmp_path / "pipeline"))
    (root / "silence_latent.pt").unlink()
    weights = root / "condition_encoder" / "diffusion_pytorch_model.safetensors"
    assert silence_latent_path(open_set(root).dit) == weights
    change(weights, lambda tensors: tensors.pop("silence_latent"))
    assert "silence_latent.pt" in refusal(lambda: silence_latent_path(open_set(root).dit)).error


# --- damage ------------------------------------------------------------------------------------------------------

DAMAGES: dict[str, tuple[Callable[[Tensors], object], str]] = {
    "missing": (lambda t: t.pop(NORM), NORM),
    "unexpected": (lambda t: t.update({"decoder.layers.4.extra": torch.zeros(1)}), "decoder.layers.4.extra"),
    "wrong shape": (lambda t: t.update({NORM: torch.zeros(64)}), "[64] instead of [128]"),
    "wrong rank": (lambda t: t.update({NORM: torch.zeros(1, 128)}), NORM),
    "wrong dtype": (lambda t: t.update({NORM: torch.zeros(128, dtype=torch.int64)}), f"{NORM} as I64"),
    "quantized": (lambda t: t.update({NORM: torch.zeros(128).to(torch.float8_e4m3fn)}), f"{NORM} as F8_E4M3"),
    "stored twice": (lambda t: t.update({f"model.{NORM}": t[NORM].clone()}), NORM),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_tensors_are_named_with_their_file(dit: Path, damage: str) -> None:
    edit, words = DAMAGES[damage]
    change(dit / "model.safetensors", edit)
    error = refusal(lambda: verify(open_dit(dit)))
    assert "acestep-v15-turbo/model.safetensors" in error.error
    assert words in error.error


def test_many_missing_tensors_are_counted(dit: Path) -> None:
    change(dit / "model.safetensors", lambda t: [t.pop(name) for name in list(t) if ".layers.3." in name])
    error = refusal(lambda: verify(open_dit(dit)))
    assert "decoder.layers.3.self_attn_norm.weight" in error.error
    assert "and 16 more tensors" in error.error


def test_harmless_differences_pass(dit: Path) -> None:
    def edit(tensors: Tensors) -> None:
        tensors.pop("null_condition_emb")
        tensors["decoder.rotary_emb.inv_freq"] = torch.zeros(16)
        tensors["tokenizer.quantizer.layers.0._levels"] = torch.zeros(6, dtype=torch.int32)
        for name in list(tensors):
            tensors[f"model.{name}"] = tensors.pop(name).to(torch.bfloat16)

    change(dit / "model.safetensors", edit)
    found = verify(open_dit(dit))
    assert "null_condition_emb" not in found
    assert "decoder.rotary_emb.inv_freq" not in found
    assert found[NORM].name == f"model.{NORM}"
    assert found[NORM].dtype == "BF16"


def test_a_token_table_may_be_padded(tiny_turbo: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_turbo / "Qwen3-Embedding-0.6B", tmp_path / "Qwen3-Embedding-0.6B"))

    def pad(tensors: Tensors) -> None:
        table = tensors["embed_tokens.weight"]
        tensors["embed_tokens.weight"] = torch.cat([table, table[:10]])

    change(folder / "model.safetensors", pad)
    assert verify(open_text_encoder(folder))["embed_tokens.weight"].shape[1] == 64
    change(folder / "model.safetensors", lambda t: t.update({"embed_tokens.weight": torch.zeros(600, 63)}))
    assert "embed_tokens.weight" in refusal(lambda: verify(open_text_encoder(folder))).error


def test_weights_of_another_size_are_recognised(dit: Path, tiny_xl: Path) -> None:
    xl = tiny_xl / "acestep-v15-xl-turbo"
    shutil.copy(xl / "config.json", dit / "config.json")
    error = refusal(lambda: verify(open_dit(dit)))
    assert "decoder.proj_in.1.weight is 128 wide" in error.error
    assert "config.json of acestep-v15-turbo says 160" in error.error


def test_sharded_sets_name_the_shard(tiny_xl: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_xl / "acestep-v15-xl-turbo", tmp_path / "acestep-v15-xl-turbo"))
    second = folder / "model-00002-of-00002.safetensors"
    change(second, lambda tensors: tensors.pop("detokenizer.norm.weight"))
    error = refusal(lambda: verify(open_dit(folder)))
    assert f"acestep-v15-xl-turbo/{second.name} lacks detokenizer.norm.weight" in error.error
    second.unlink()
    assert second.name in refusal(lambda: open_dit(folder)).error


@pytest.mark.parametrize(
    "index",
    ["", "[]", "{}", '{"weight_map": {}}', '{"weight_map": {"a": "../x.safetensors"}}', '{"weight_map": {"a": 1}}'],
)
def test_a_bad_index_is_refused(dit: Path, index: str) -> None:
    (dit / "model.safetensors").unlink()
    (dit / "model.safetensors.index.json").write_text(index)
    assert "model.safetensors.index.json" in refusal(lambda: open_dit(dit)).error


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (None, "is missing"),
        ("{", "is not JSON"),
        ("[1]", "is not a JSON object"),
        ('{"hidden_size": "wide"}', "hidden_size = 'wide'"),
        ('{"num_key_value_heads": 0}', "num_key_value_heads = 0"),
        ('{"layer_types": ["full_attention"]}', "layer_types"),
    ],
)
def test_a_bad_config_is_refused(dit: Path, config: str | None, words: str) -> None:
    (dit / "config.json").unlink()
    if config is not None:
        (dit / "config.json").write_text(config)
    assert words in refusal(lambda: open_dit(dit)).error


def test_bin_weights_and_no_weights(dit: Path) -> None:
    (dit / "model.safetensors").unlink()
    assert "holds no weights" in refusal(lambda: open_dit(dit)).error
    (dit / "pytorch_model.bin").touch()
    assert ".bin" in refusal(lambda: open_dit(dit)).error


def test_silence_latent_must_be_there_and_whole(dit: Path) -> None:
    silence = dit / "silence_latent.pt"
    silence.write_bytes(silence.read_bytes()[:-100])
    assert "acestep-v15-turbo/silence_latent.pt" in refusal(lambda: verify(open_dit(dit))).error
    silence.unlink()
    assert "silence_latent.pt" in refusal(lambda: verify(open_dit(dit))).error


def test_a_file_that_is_not_safetensors(dit: Path) -> None:
    for content in (b"", b"<html>not found</html>", b"\0" * 100, b"\x02" + b"\0" * 7 + b"[]"):
        (dit / "model.safetensors").write_bytes(content)
        error = refusal(lambda: verify(open_dit(dit)))
        assert "acestep-v15-turbo/model.safetensors" in error.error


def test_half_a_weight_norm_pair_is_missing_its_other_half(tiny_turbo: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_turbo / "vae", tmp_path / "vae"))
    change(folder / "diffusion_pytorch_model.safetensors", lambda t: t.pop("decoder.conv1.weight_g"))
    assert "decoder.conv1.weight_g" in refusal(lambda: verify(open_vae(folder))).error


@pytest.fixture(scope="module")
def encoder(tiny_turbo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damaged") / "Qwen3-Embedding-0.6B"
    return Path(shutil.copytree(tiny_turbo / "Qwen3-Embedding-0.6B", folder))


@settings(deadline=None, max_examples=60)
@given(where=st.floats(0, 1, exclude_max=True))
def test_any_truncation_is_noticed(encoder: Path, tiny_turbo: Path, where: float) -> None:
    whole = (tiny_turbo / "Qwen3-Embedding-0.6B" / "model.safetensors").read_bytes()
    (encoder / "model.safetensors").write_bytes(whole[: int(len(whole) * where)])
    error = refusal(lambda: verify(open_text_encoder(encoder)))
    assert "Qwen3-Embedding-0.6B/model.safetensors" in error.error


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_any_flipped_bit_of_a_header_is_noticed(encoder: Path, tiny_turbo: Path, data: st.DataObject) -> None:
    whole = bytearray((tiny_turbo / "Qwen3-Embedding-0.6B" / "model.safetensors").read_bytes())
    metadata = b'"__metadata__":{"format":"pt"}'
    harmless = range(whole.index(metadata) + 16, whole.index(metadata) + len(metadata))
    header = 8 + int.from_bytes(whole[:8], "little")
    position = data.draw(st.integers(0, header - 1).filter(lambda at: at not in harmless))
    whole[position] ^= 1 << data.draw(st.integers(0, 7))
    (encoder / "model.safetensors").write_bytes(whole)
    error = refusal(lambda: verify(open_text_encoder(encoder)))
    assert "Qwen3-Embedding-0.6B/model.safetensors" in error.error


# --- identity ----------------------------------------------------------------------------------------------------


def test_hash_tells_weights_apart_and_nothing_else(dit: Path, tiny_turbo: Path) -> None:
    original = weights_hash(open_set(tiny_turbo).dit)
    assert len(original) == 64
    assert weights_hash(open_dit(dit)) == original
    config = json.loads((dit / "config.json").read_text())
    (dit / "config.json").write_text(json.dumps(config | {"model_version": "mine"}))
    assert weights_hash(open_dit(dit)) == original
    change(dit / "model.safetensors", lambda t: t.update({name: value * 1.01 for name, value in t.items()}))
    assert weights_hash(open_dit(dit)) != original
