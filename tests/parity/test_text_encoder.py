"""The text encoder against transformers' own Qwen3: the same weights, the same tokens, the same states."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import Qwen3Model

from engine.checkpoints import open_set, verify
from engine.models.loading import build, fill, settle
from engine.models.text import TextEncoder
from engine.testing import make_checkpoint
from tests.parity.oracle import NETWORK, agree

pytestmark = pytest.mark.parity

KINDS: dict[str, dict[str, Any]] = {
    "tiny": {},
    "padded": {"vocab_size": 2700},
    "no groups": {"num_attention_heads": 4, "num_key_value_heads": 4},
    "deep": {"num_hidden_layers": 9, "num_attention_heads": 8, "num_key_value_heads": 2, "rope_theta": 10000.0},
}


@dataclass(frozen=True)
class Pair:
    ours: TextEncoder
    theirs: Qwen3Model

    def true(self, tokens: Tensor) -> Tensor:
        """Their states of every token, ``[B, L, hidden]``."""
        return self.theirs(input_ids=tokens, use_cache=False).last_hidden_state


@pytest.fixture(scope="module", params=KINDS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = make_checkpoint(tmp_path_factory.mktemp("text"), lm=False, config={"text": KINDS[request.param]})
    component = open_set(folder).text_encoder
    found = verify(component)
    rows = found["embed_tokens.weight"].shape[0]
    ours = build(lambda: TextEncoder(component.config, rows), torch.device("cpu"), torch.float32)
    fill(ours.model, found)
    settle(ours)
    theirs = Qwen3Model.from_pretrained(component.folder, dtype=torch.float32, attn_implementation="eager")
    return Pair(ours, theirs.eval())


def ids(rows: int, length: int) -> Tensor:
    return torch.randint(500, (rows, length), generator=torch.Generator().manual_seed(length))


@pytest.mark.parametrize("length", [1, 2, 37, 256])
def test_captions(pair: Pair, length: int) -> None:
    tokens = ids(1, length)
    agree("text encoder", pair.ours.caption(tokens), pair.true(tokens), NETWORK)


def test_several_captions_side_by_side(pair: Pair) -> None:
    """As training has them."""
    tokens = ids(3, 40)
    agree("text encoder", pair.ours.caption(tokens), pair.true(tokens), NETWORK)


def test_what_comes_later_is_not_seen(pair: Pair) -> None:
    tokens = ids(1, 60)
    agree("text encoder", pair.ours.caption(tokens)[:, :25], pair.ours.caption(tokens[:, :25]), NETWORK)


def test_layers_that_read_less_sharply(pair: Pair) -> None:
    tokens, last = ids(1, 50), pair.theirs.config.num_hidden_layers - 1
    ours = pair.ours.caption(tokens, sharpness={last: 0.3})
    attention = pair.theirs.layers[last].self_attn
    kept = attention.scaling
    try:
        attention.scaling = 0.3 * kept
        theirs = pair.true(tokens)
    finally:
        attention.scaling = kept
    agree("text encoder", ours, theirs, NETWORK)
    assert not torch.allclose(ours, pair.true(tokens), atol=1e-3)


def test_lyrics_are_rows_of_the_table(pair: Pair) -> None:
    tokens = ids(1, 30)
    assert torch.equal(pair.ours.lyrics(tokens), pair.theirs.embed_tokens(tokens))


def test_half_precision_is_as_close_as_theirs(pair: Pair) -> None:
    tokens = ids(1, 120)
    exact = pair.true(tokens)
    rounded = Pair(deepcopy(pair.ours).bfloat16(), deepcopy(pair.theirs).bfloat16())
    ours, theirs = rounded.ours.caption(tokens) - exact, rounded.true(tokens) - exact
    assert ours.square().mean() <= 2 * theirs.square().mean()
