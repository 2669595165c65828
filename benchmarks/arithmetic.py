"""Floating-point operations by formula: what the result needs, whatever an implementation spends on it."""

from __future__ import annotations

from engine.config import DiTConfig


def dit_step(config: DiTConfig, frames: int, prompt: int) -> float:
    """One evaluation of the DiT for one item: windows as bands, the prompt's keys and values already there."""
    s = -(-frames // config.patch_size)
    size, wide = config.hidden_size, config.num_attention_heads * config.head_dim
    narrow = config.num_key_value_heads * config.head_dim
    total = 0.0
    for layer in range(config.num_hidden_layers):
        projections = s * size * (wide + 2 * narrow + wide) + 2 * s * size * wide
        scores = (visible_pairs(s, config.window(layer)) + s * prompt) * wide
        total += 2 * projections + 4 * scores + 6 * s * size * config.intermediate_size
    patches = 2 * s * size * config.patch_size * config.audio_acoustic_hidden_dim
    return total + 2 * patches


def visible_pairs(length: int, window: int | None) -> int:
    """How many (query, key) pairs attention meets, with ``window`` keys to each side."""
    if window is None or length <= window:
        return length * length
    return length * (2 * window + 1) - window * (window + 1)
