"""Text in: the Qwen3 embedding model and its tokenizer (facts: dit.md 2.3, checkpoints.md 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from engine.config import TextConfig
from engine.errors import BadCheckpoint
from engine.models.primitives import EncoderLayer, RMSNorm, encoder_stack
from engine.prompt import MAX_CAPTION_TOKENS, MAX_LYRIC_TOKENS


def read_tokenizer(path: Path) -> Tokenizer:
    """A ``tokenizer.json``; raises BadCheckpoint if it is not one."""
    try:
        return Tokenizer.from_file(str(path))
    except Exception as cause:
        raise BadCheckpoint(f"{path.name} in {path.parent.name} is not a tokenizer.", "Download it again.") from cause


class TextModel(nn.Module):
    """Qwen3 without a head, under its official names: token ids to hidden states, each from what stands before it.

    Written here and not imported: the library that has it takes longer to load than all else beside torch.
    """

    def __init__(self, config: TextConfig, rows: int) -> None:
        """``rows`` is the size of the embedding table, which may be padded beyond the vocabulary."""
        super().__init__()
        self.sizes = config.stack
        self.embed_tokens = nn.Embedding(rows, config.hidden_size)
        self.layers = nn.ModuleList(
            EncoderLayer(self.sizes, None, causal=True) for _ in range(config.num_hidden_layers)
        )
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, tokens: Tensor, sharpness: Mapping[int, float] = MappingProxyType({})) -> Tensor:
        """Ids ``[B, L]`` to ``[B, L, hidden]`` after the closing norm; ``sharpness`` as ``encoder_stack`` has it."""
        return encoder_stack(self.layers, self.norm, self.embed_tokens(tokens), self.sizes, sharpness)


class TextEncoder(nn.Module):
    """Caption prompts through the whole model, lyric prompts through its embedding table alone.

    One prompt at a time: nothing is padded, and the model is causal, so this equals what a padded batch gives.
    """

    def __init__(self, config: TextConfig, rows: int) -> None:
        """``rows`` is the size of the embedding table."""
        super().__init__()
        self.model = TextModel(config, rows)
        self.arrive: Callable[[], None] = lambda: None
        """Called before the weights are used: where memory is small they may be elsewhere (``engine.turns``)."""

    def caption(self, tokens: Tensor, sharpness: Mapping[int, float] = MappingProxyType({})) -> Tensor:
        """Ids ``[1, L]`` to the last hidden state after the final norm, ``[1, L, hidden]``.

        ``sharpness`` is what the attention scores of some layers are multiplied by.
        """
        self.arrive()
        return self.model(tokens, sharpness)  # type: ignore[no-any-return]

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
