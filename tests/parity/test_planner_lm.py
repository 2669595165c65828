"""The planner's network against transformers' own Qwen3: the same weights, the same tokens, the same logits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import Qwen3ForCausalLM

from engine.checkpoints import open_set, verify
from engine.models.loading import build, fill
from engine.models.planner_lm import PlannerLM
from engine.models.steady import prepare
from engine.planner.draws import guided
from engine.testing import make_checkpoint

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("one_thread")]

CLOSE = 1e-5
SCALE = 2.0
KINDS: dict[str, dict[str, Any]] = {
    "tiny": {},
    "untied": {"tie_word_embeddings": False},
    "padded": {"vocab_size": 2700},
    "deep": {"num_hidden_layers": 9, "num_attention_heads": 8, "num_key_value_heads": 2, "rope_theta": 10000.0},
}


@dataclass(frozen=True)
class Pair:
    ours: PlannerLM
    theirs: Qwen3ForCausalLM

    def true(self, tokens: Tensor) -> Tensor:
        """Their logits behind every token ``[S]``, without a cache."""
        return self.theirs(tokens[None], use_cache=False).logits[0]


def load(folder: Path, lm: dict[str, Any]) -> Pair:
    make_checkpoint(folder, config={"lm": lm})
    component = open_set(folder).lm
    assert component is not None
    found = verify(component)
    rows = found["embed_tokens.weight"].shape[0]
    ours = build(lambda: PlannerLM(component.config, rows), torch.device("cpu"), torch.float32)
    fill(ours, found)
    prepare(ours)
    theirs = Qwen3ForCausalLM.from_pretrained(component.folder, dtype=torch.float32, attn_implementation="eager")
    return Pair(ours, theirs.eval())


@pytest.fixture(scope="module", params=KINDS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with torch.no_grad():
        yield load(tmp_path_factory.mktemp(request.param), KINDS[request.param])


def tokens(seed: int, *shape: int) -> Tensor:
    return torch.randint(0, 2500, shape, generator=torch.Generator().manual_seed(seed))


def agree(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() <= CLOSE * theirs.abs().max()


def test_a_prompt_read_at_once(pair: Pair) -> None:
    prompt = tokens(1, 150)
    lane = pair.ours.lane(1, 150)
    agree(pair.ours.logits(pair.ours.read(prompt, lane), pair.ours.head), pair.true(prompt))


def test_a_prompt_read_piece_by_piece(pair: Pair) -> None:
    prompt = tokens(2, 90)
    lane = pair.ours.lane(1, 7)  # too small on purpose
    hidden = torch.cat([pair.ours.read(part, lane) for part in prompt.split((40, 1, 30, 19))])
    agree(pair.ours.logits(hidden, pair.ours.head), pair.true(prompt))


@pytest.mark.parametrize("batch", [1, 8])
def test_token_after_token(pair: Pair, batch: int) -> None:
    prompt, rest = tokens(3, 33), tokens(4, batch, 20)
    shared = pair.ours.lane(1, 33)
    pair.ours.read(prompt, shared)
    lane = shared.copies(batch, 40)
    steps = [pair.ours.logits(pair.ours.step(rest[:, i], [lane]), pair.ours.head) for i in range(20)]
    for row in range(batch):
        whole = pair.true(torch.cat((prompt, rest[row])))
        agree(torch.stack([step[row] for step in steps]), whole[33:])


@pytest.mark.parametrize("batch", [1, 8])
def test_token_after_token_beside_their_cache(pair: Pair, batch: int) -> None:
    prompt, rest = tokens(5, 25), tokens(6, batch, 10)
    lane = pair.ours.lane(1, 25)
    pair.ours.read(prompt, lane)
    lane = lane.copies(batch, 35)
    cache = pair.theirs(prompt.repeat(batch, 1), use_cache=True).past_key_values
    for i in range(10):
        theirs = pair.theirs(rest[:, i : i + 1], past_key_values=cache, use_cache=True).logits[:, 0]
        agree(pair.ours.logits(pair.ours.step(rest[:, i], [lane]), pair.ours.head), theirs)


@pytest.mark.parametrize("batch", [1, 8])
def test_guided_by_a_shorter_prompt(pair: Pair, batch: int) -> None:
    """Rows of both prompts go through one step, each at its own place."""
    prompts, rest = (tokens(7, 60), tokens(8, 21)), tokens(9, batch, 12)
    lanes = []
    for prompt in prompts:
        lane = pair.ours.lane(1, prompt.shape[0])
        pair.ours.read(prompt, lane)
        lanes.append(lane.copies(batch, prompt.shape[0] + 12))
    codes = slice(700, 2300)
    for i in range(12):
        hidden = pair.ours.step(rest[:, i].repeat(2), lanes)
        ours = guided(*pair.ours.logits(hidden, pair.ours.head[codes]).chunk(2), SCALE)
        for row in range(0, batch, 3):
            cond, uncond = (pair.true(torch.cat((prompt, rest[row, : i + 1])))[-1, codes] for prompt in prompts)
            agree(ours[row], guided(cond, uncond, SCALE))


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_a_row_has_the_same_numbers_whoever_is_beside_it(pair: Pair, batch: int) -> None:
    """Not nearly the same: the same."""
    prompts, rest = (tokens(10, 40), tokens(11, 18)), tokens(12, 8, 15)

    head = pair.ours.rows_of_head(pair.ours.head)

    def run(rows: list[int]) -> Tensor:
        lanes = []
        for prompt in prompts:
            lane = pair.ours.lane(1, prompt.shape[0])
            pair.ours.read(prompt, lane)
            lanes.append(lane.copies(len(rows), prompt.shape[0] + 15))
        steps = [pair.ours.step(rest[rows, i].repeat(2), lanes) for i in range(15)]
        return torch.stack([pair.ours.logits(step, head).view(2, len(rows), -1) for step in steps])

    whole = run(list(range(batch)))
    for row in range(batch):
        assert torch.equal(run([row])[:, :, 0], whole[:, :, row])


@pytest.mark.parametrize("batch", [1, 8])
def test_a_step_that_can_be_recorded_is_the_step(pair: Pair, batch: int) -> None:
    """With places on the device, more tokens looked at than there are, and a mask; on any device the same numbers."""
    prompts, rest = (tokens(13, 45), tokens(14, 20)), tokens(15, batch, 9)
    plain, masked = [], []
    for prompt in prompts:
        lane = pair.ours.lane(1, prompt.shape[0])
        pair.ours.read(prompt, lane)
        plain.append(lane.copies(batch, prompt.shape[0] + 9))
        masked.append(lane.copies(batch, 64, clean=True))
    for i in range(9):
        ids, places = rest[:, i].repeat(2), [torch.tensor([lane.length]) for lane in masked]
        expected = pair.ours.step(ids, plain)
        agree(pair.ours.step_within(ids, masked, places, (64, 32)), expected)
        for lane in masked:
            lane.length += 1


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_do_not_bring_neighbours_in(tmp_path: Path, threads: int) -> None:
    """torch divides a batch among its threads; what a row comes to must not show it."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.no_grad():
            network = load(tmp_path, {"hidden_size": 256, "head_dim": 128, "num_hidden_layers": 1}).ours
            shared = network.lane(1, 40)
            network.read(tokens(16, 40), shared)
            rest = tokens(17, 8)
            whole = network.step(rest.repeat(2), [shared.copies(8, 41), shared.copies(8, 41)])
            for row in (0, 5):
                lanes = [shared.copies(1, 41), shared.copies(1, 41)]
                assert torch.equal(network.step(rest[row].repeat(2), lanes), whole[[row, 8 + row]])
    finally:
        torch.set_num_threads(before)
