"""Adapter files as they may be: understood, or refused in one sentence. Nothing else ever comes of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.adapters.naming import places, role_of, weight_of
from engine.adapters.reading import open_adapter
from engine.config import DiTConfig
from engine.errors import EngineError
from engine.layout import dit_tensors
from engine.naming import to_diffusers
from tests.engine.adapters.made import save

SHAPES = {
    "decoder.layers.0.self_attn.q_proj.weight": (8, 4),
    "decoder.layers.0.mlp.up_proj.weight": (6, 4),
    "encoder.lyric_encoder.layers.1.self_attn.o_proj.weight": (4, 4),
    "decoder.norm_out.weight": (4,),
    "decoder.proj_in.1.weight": (4, 6, 2),
}
MODULES = (
    "layers.0.self_attn.q_proj",
    "lycoris_layers_0_mlp_up_proj",
    "encoder.lyric_encoder.layers.1.self_attn.o_proj",
)
LOKR = ("w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b", "t2")
LORA = ("lora_A.weight", "lora_B.default.weight", "lora_down.weight", "lora_up.weight", "alpha", "dora_scale")
PARTS = (*LORA, *(f"lokr_{part}" for part in LOKR))
NAMES = st.builds("{}.{}".format, st.sampled_from((*MODULES, "norm_out", "proj_in.1", "x")), st.sampled_from(PARTS))
SIZES = st.lists(st.sampled_from([0, 1, 2, 3, 4, 6, 8]), max_size=3)
ODD = st.none() | st.booleans() | st.integers(-2, 8) | st.floats() | st.text(max_size=4) | st.lists(st.integers())
CONFIG = st.dictionaries(
    st.sampled_from(["r", "lora_alpha", "alpha", "linear_dim", "alpha_pattern", "use_rslora", "peft_type"]),
    ODD | st.dictionaries(st.sampled_from(MODULES), ODD, max_size=2),
    max_size=4,
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, SIZES, max_size=5), CONFIG, st.booleans())
def test_any_file_is_understood_or_refused(
    tmp_path: Path, tensors: dict[str, list[int]], config: dict[str, Any], beside: bool
) -> None:
    folder = tmp_path / ("with" if beside else "without")
    folder.mkdir(exist_ok=True)
    made = {name: torch.ones(shape) for name, shape in tensors.items()}
    file = save(folder / "adapter_model.safetensors", made, None if beside else {"lokr_config": json.dumps(config)})
    if beside:
        (folder / "adapter_config.json").write_text(json.dumps(config))
    try:
        found = open_adapter(file, SHAPES, "this model")
    except EngineError:
        return
    assert found.changes
    for change in found.changes:
        assert len(SHAPES[change.weight]) == 2
        assert change.kind


@pytest.mark.parametrize("metadata", [[], ["lokr_config"], "lokr_config", {"lokr_config": "{"}, {"lokr_config": 3}])
def test_what_a_header_says_beside_its_tensors_may_be_anything(tmp_path: Path, metadata: Any) -> None:
    """Written by hand: the library refuses what is no table of texts."""
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = json.dumps({"__metadata__": metadata, "layers.0.self_attn.q_proj.lora_A.weight": tensor}).encode()
    file = tmp_path / "a.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(EngineError):
        open_adapter(file, SHAPES, "this model")


@pytest.mark.parametrize("xl", [False, True])
def test_every_linear_layer_has_one_place_under_every_spelling(xl: bool) -> None:
    """Of the official sizes: no two layers share a name, flattened or not."""
    shapes = dit_tensors(DiTConfig.from_dict({"hidden_size": 2560, "encoder_hidden_size": 2048} if xl else {}))
    known = places(shapes)
    for weight, shape in shapes.items():
        if not weight.startswith(("decoder.", "encoder.")) or len(shape) != 2 or not weight.endswith(".weight"):
            continue
        module = weight.removesuffix(".weight")
        theirs = to_diffusers(weight)[1].removesuffix(".weight")
        inner = module.removeprefix("decoder.")
        spelt = [module, module.replace(".", "_"), f"base_model.model.{inner}", f"diffusion_model.{module}"]
        if inner != module:
            spelt += [theirs, f"transformer.{theirs}", f"lycoris_{inner.replace('.', '_')}"]
        assert {weight_of(name, known) for name in spelt} == {weight}
    assert weight_of("decoder.norm_out", known) is None
    assert weight_of("", known) is None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("base_model.model.a.b.lora_A.weight", ("base_model.model.a.b", "down")),
        ("a.lora_B.my-adapter.weight", ("a", "up")),
        ("a.lora_magnitude_vector.default.weight", ("a", "magnitude")),
        ("a.lora_magnitude_vector", ("a", "magnitude")),
        ("lycoris_a_b.lokr_w2_a", ("lycoris_a_b", "w2_a")),
        ("a.alpha", ("a", "alpha")),
        ("a.weight", None),
        ("a.lora_embedding_A", None),
        ("lora_A.weight", None),
    ],
)
def test_names(name: str, found: tuple[str, str] | None) -> None:
    assert role_of(name) == found
