"""Text in: the Qwen3 embedding model and its tokenizer (facts: dit.md 2.3, checkpoints.md 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from engine.config import TextConfig
from engine.errors import BadCheckpoint
from engine.prompt import MAX_CAPTION_TOKENS, MAX_LYRIC_TOKENS


def read_tokenizer(path: Path) -> Tokenizer:
    """A ``tokenizer.json``; raises BadCheckpoint if it is not one."""
    try:
        return Tokenizer.from_file(str(path))
    except Exception as cause:
        raise BadCheckpoint(f"{path.name} in {path.parent.name} is not a tokenizer.", "Download it again.") from cause


class TextEncoder(nn.Module):
    """Caption prompts through the whole model, lyric prompts through its embedding table alone.

    One prompt at a time: nothing is padded, and the model is causal, so this equals what a padded batch gives.
    """

    def __init__(self, config: TextConfig, rows: int) -> None:
        """``rows`` is the size of the embedding table, which may be padded beyond the vocabulary.

        Only sizes are taken from the file: a ``config.json`` can name kernels and code to fetch, and is not asked.
        """
        super().__init__()
        from transformers.models.qwen3 import Qwen3Config, Qwen3Model

        self.config = Qwen3Config(**asdict(config) | {"vocab_size": rows, "use_cache": False, "hidden_act": "silu"})
        self.config._attn_implementation = "sdpa"
        self.model = Qwen3Model(self.config)
        self.arrive: Callable[[], None] = lambda: None
        """Called before the weights are used: where memory is small they may be elsewhere (``engine.turns``)."""

    def settle(self) -> None:
        """Rotary tables are no weights; made on the meta device they hold nothing, so they are made again."""
        self.model.rotary_emb = type(self.model.rotary_emb)(self.config).to(self.model.embed_tokens.weight.device)

    def caption(self, tokens: Tensor, sharpness: Mapping[int, float] = MappingProxyType({})) -> Tensor:
        """Ids ``[1, L]`` to the last hidden state after the final norm, ``[1, L, hidden]``.

        ``sharpness`` is what the attention scores of some layers are multiplied by.
        """
        self.arrive()
        with self._sharpened(sharpness):
            return self.model(input_ids=tokens).last_hidden_state  # type: ignore[no-any-return]

    @contextmanager
    def _sharpened(self, sharpness: Mapping[int, float]) -> Iterator[None]:
        """The library's layers keep the scale of their scores as a number of theirs, and put it back afterwards."""
        kept = {index: self.model.layers[index].self_attn.scaling for index in sharpness}
        try:
            for index, scaling in kept.items():
                self.model.layers[index].self_attn.scaling = scaling * sharpness[index]
            yield
        finally:
            for index, scaling in kept.items():
                self.model.layers[index].self_attn.scaling = scaling

    def lyrics(self, tokens: Tensor) -> Tensor:
        """Ids ``[1, L]`` to raw embeddings ``[1, L, hidden]``; the condition encoder does the rest."""
        self.arrive()
        return self.model.embed_tokens(tokens)  # type: ignore[no-any-return]


def caption_tokens(tokenizer: Tokenizer, prompt: str) -> tuple[list[int], int]:
    """Ids of a caption prompt cut to its limit, and how many there were before."""
    return _cut(tokenizer, prompt, MAX_CAPTION_TOKENS)


def lyric_tokens(tokenizer: Tokenizer, prompt: str) -> tuple[list[int], int]:
    """Ids of a lyric prompt cut to its limit, and how many there were before."""
    return _cut(tokenizer, prompt, MAX_LYRIC_TOKENS)


def _cut(tokenizer: Tokenizer, prompt: str, limit: int) -> tuple[list[int], int]:
    """Cut as the reference's tokenizer cuts: the text is shortened, and the appended end token stays."""
    count = len(tokenizer.encode(prompt).ids)
    tokenizer.enable_truncation(limit)
    ids = tokenizer.encode(prompt).ids
    tokenizer.no_truncation()
    return ids, count


def as_batch(ids: list[int], device: torch.device) -> Tensor:
    """``[1, L]`` int64."""
    return torch.tensor([ids], dtype=torch.long, device=device)
