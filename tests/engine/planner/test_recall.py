"""What the planner recalls of its codes, against the same worked out without sharing anything."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from engine.config import LMConfig
from engine.models.loading import slots
from engine.models.planner_lm import PlannerLM
from engine.planner.prompts import code_string, understand_prompt
from engine.planner.reasoning import think_block
from engine.planner.recall import Recall, Recalled
from engine.planner.vocabulary import encode
from engine.testing.weights import random_tensor
from tests.engine.planner.drive import tokenizer

pytestmark = pytest.mark.usefixtures("one_thread")

CODES = [3, 7, 7, 1, 12, 5]
CAPTION, LYRICS = "slow jazz with a warm piano", "[Verse]\nneon rivers run"
METADATA = {"bpm": 90, "keyscale": "A minor", "timesignature": "", "language": None, "genres": "jazz"}


@pytest.fixture(scope="module")
def network() -> PlannerLM:
    rows = tokenizer().get_vocab_size()
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "head_dim": 8}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": rows}
    model = PlannerLM(LMConfig.from_dict({**sizes, **heads, "rms_norm_eps": 1e-6}), rows)
    for name, slot in slots(model).items():
        slot.write(random_tensor(name, slot.shape, seed=0))
    return model.requires_grad_(False).eval()


@pytest.fixture(scope="module")
def recall(network: PlannerLM) -> Recall:
    return Recall(network, partial(encode, tokenizer()))


def alone(network: PlannerLM, codes: str, target: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities ``[targets, vocabulary]`` of one text read at once, and the targets."""
    prompt, ids = (encode(tokenizer(), text) for text in (understand_prompt(codes)[0], target))
    hidden = network.read(torch.tensor([*prompt, *ids]), network.lane(1, 1))
    logits = network.logits(hidden[len(prompt) - 1 : -1], network.head)
    return logits.log_softmax(-1), torch.tensor(ids)


def test_pmi_is_that_of_two_whole_texts(network: PlannerLM, recall: Recall) -> None:
    found = recall.of(CODES, CAPTION, LYRICS, METADATA)
    targets = {
        "caption": f"{think_block({'caption': CAPTION})}\n",
        "lyrics": f"<think>\n</think>\n# Lyric\n{LYRICS}\n",
    }
    for name, target in targets.items():
        means = []
        for codes in (code_string(tuple(CODES)), ""):
            likelihoods, ids = alone(network, codes, target)
            means.append(likelihoods.gather(1, ids.unsqueeze(1)).mean().item())
        assert getattr(found, name) == pytest.approx(means[0] - means[1], abs=1e-5)


def test_recall_is_that_of_the_best_ten(network: PlannerLM, recall: Recall) -> None:
    found = recall.of(CODES, "", "", METADATA)
    assert set(found.metadata) == {"bpm", "keyscale"}  # what is empty is not asked for, and genres no planner knows
    for name, value in found.metadata.items():
        likelihoods, ids = alone(network, code_string(tuple(CODES)), f"{think_block({name: METADATA[name]})}\n")
        best = likelihoods.topk(10, dim=1).indices
        ranks = (best == ids.unsqueeze(1)).float().argmax(dim=1)
        there = (best == ids.unsqueeze(1)).any(dim=1)
        assert value == pytest.approx(((1 - ranks / 10) * there).mean().item(), abs=1e-6)
    assert found.caption is None
    assert found.lyrics is None


def test_the_order_of_the_questions_does_not_matter(recall: Recall) -> None:
    whole, words = recall.of(CODES, CAPTION, LYRICS, METADATA), recall.of(CODES, "", LYRICS, {})
    assert whole.lyrics == pytest.approx(words.lyrics, abs=1e-6)


def test_without_codes_there_is_nothing(recall: Recall) -> None:
    assert recall.of([], CAPTION, LYRICS, METADATA) == Recalled()
    assert Recalled().score() is None


def test_the_score_is_the_published_reward() -> None:
    # caption: PMI 0 is .5; lyrics: half a nat at scale .5 is 1 / (1 + 1/e) = .7311; metadata: (1 + .5) / 2
    found = Recalled(0.0, 0.5, {"bpm": 1.0, "keyscale": 0.5})
    assert found.score(0.5) == pytest.approx(0.5 * 0.5 + 0.3 * 0.7310586 + 0.2 * 0.75)
    assert Recalled(0.0).score() == 0.5
