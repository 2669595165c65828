"""The 5 Hz language model: Qwen3, made to write one token after another for several rows at once (facts: lm.md).

The cache of keys and values has its final size from the start, and every row of a lane stands at the same place in it:
rows of a batch share their prompt, so nothing is padded and no mask is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config import LMConfig
from engine.models.attention import for_fused_kernel
from engine.models.laid_out import LaidOut
from engine.models.primitives import Fused, GatedMLP, RMSNorm

_STEP = 256
"""Places by which a cache grows where it was made too small."""


class Lane:
    """Rows that stand at the same place, with their keys and values ``[layers, rows, kv_heads, room, D]``."""

    def __init__(self, keys: Tensor, values: Tensor, length: int = 0) -> None:
        self.keys, self.values, self.length = keys, values, length

    @classmethod
    def empty(cls, config: LMConfig, rows: int, room: int, like: Tensor) -> Lane:
        """Nothing read yet, and ``room`` for that many tokens, on the device and in the dtype of ``like``."""
        shape = (config.num_hidden_layers, rows, config.num_key_value_heads, room, config.head_dim)
        return cls(like.new_empty(shape), like.new_empty(shape))

    @property
    def rows(self) -> int:
        """How many rows."""
        return self.keys.shape[1]

    @property
    def room(self) -> int:
        """How many tokens a row can have."""
        return self.keys.shape[3]

    def copies(self, rows: int, room: int, *, clean: bool = False) -> Lane:
        """What a single row has read, for that many rows that go on from it, each for itself.

        What is not read yet is zeros where it has to be ``clean``: behind a mask, too, there must be numbers.
        """
        shape = (self.keys.shape[0], rows, self.keys.shape[2], room, self.keys.shape[4])
        fresh = self.keys.new_zeros if clean else self.keys.new_empty
        made = Lane(fresh(shape), fresh(shape))
        made.take_from(self)
        return made

    def take_from(self, read: Lane) -> None:
        """Stands where ``read`` does, having read the same."""
        self.length = read.length
        self.keys[:, :, :, : self.length] = read.keys[:, :, :, : self.length]
        self.values[:, :, :, : self.length] = read.values[:, :, :, : self.length]

    def make_room(self, tokens: int) -> None:
        """Grows, where there is no room for that many more."""
        if self.length + tokens > self.room:
            more = self.copies(self.rows, self.length + max(tokens, _STEP, self.length // 2))
            self.keys, self.values = more.keys, more.values


class PlannerAttention(nn.Module):
    """Grouped-query attention with normalised heads, over everything that its lane has read."""

    def __init__(self, config: LMConfig) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.dim = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        kv_rows = self.kv_heads * self.dim
        self.qkv = Fused(config.hidden_size, {"q_proj": self.heads * self.dim, "k_proj": kv_rows, "v_proj": kv_rows})
        self.o_proj = nn.Linear(self.heads * self.dim, config.hidden_size, bias=False)
        self.q_norm = RMSNorm(self.dim, config.rms_norm_eps)
        self.k_norm = RMSNorm(self.dim, config.rms_norm_eps)
        self._kept_gains: Tensor | None = None

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """``[N, hidden]`` to queries, keys and values ``[N, heads, D]``, the first two turned to their places."""
        projected = self.qkv(x).unflatten(-1, (-1, self.dim))
        both, v = projected.split((self.heads + self.kv_heads, self.kv_heads), dim=1)
        # Queries and keys at once: with few rows it is the number of operations that counts.
        normed = F.rms_norm(both, (self.dim,), eps=self.q_norm.eps)
        turned = _turned(normed * self._gains(), *rotation)
        return turned[:, : self.heads], turned[:, self.heads :], v

    def _gains(self) -> Tensor:
        """The norms' weights, head by head, ``[heads + kv_heads, D]``; kept once nothing is learnt any more."""
        if self._kept_gains is not None:
            return self._kept_gains
        q, k = self.q_norm.weight, self.k_norm.weight
        gains = torch.cat((q.expand(self.heads, -1), k.expand(self.kv_heads, -1)))
        if not gains.requires_grad:
            self._kept_gains = gains
        return gains


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """``[N, heads, D]`` turned by the angles of its place; the halves of a head are the pairs.

    ``cos`` and ``sin`` are ``[N, 1, D]``, the sines of the first half negative.
    """
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, -1), sin)


class PlannerLayer(nn.Module):
    """Pre-norm transformer layer."""

    def __init__(self, config: LMConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = PlannerAttention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = GatedMLP(config.hidden_size, config.intermediate_size)


class PlannerLM(nn.Module):
    """Qwen3 with its official parameter names, q/k/v and gate/up fused. Tokens in, logits where they are wanted."""

    def __init__(self, config: LMConfig, rows: int) -> None:
        """``rows`` is the size of the token table, which may be padded beyond the vocabulary."""
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(rows, config.hidden_size)
        self.layers = nn.ModuleList(PlannerLayer(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        if not config.tie_word_embeddings:
            self.lm_head = nn.Linear(config.hidden_size, rows, bias=False)
        self._frequencies: Tensor | None = None
        self.laid_out = False
        """Whether its matrices are laid out for this processor (``engine.models.steady.prepare``)."""

        self.even = 1
        """Rows are filled up to a multiple of this, so that a row's numbers do not depend on how many there are."""

    @property
    def head(self) -> Tensor:
        """``[vocabulary, hidden]``: the row that makes each token's logit."""
        return self.embed_tokens.weight if self.config.tie_word_embeddings else self.lm_head.weight

    def lane(self, rows: int, room: int) -> Lane:
        """Rows that have read nothing."""
        return Lane.empty(self.config, rows, room, self.norm.weight)

    def read(self, tokens: Tensor, lane: Lane) -> Tensor:
        """Reads more of a prompt ``[S]`` into a lane of one row; the hidden state of each token, ``[S, hidden]``."""
        count, start = tokens.shape[0], lane.length
        lane.make_room(count)
        rotation = self.rotation(torch.arange(start, start + count, device=tokens.device))
        mask = None if start == 0 else _behind(count, start, self.norm.weight)
        x = self.embed_tokens(tokens)
        for index, layer in enumerate(self.in_order()):
            q, k, v = layer.self_attn(layer.input_layernorm(x), rotation)
            keys, values = (part[index, :, :, : start + count] for part in (lane.keys, lane.values))
            keys[0, :, start:] = k.transpose(0, 1)
            values[0, :, start:] = v.transpose(0, 1)
            out = _attend(q.transpose(0, 1).unsqueeze(0), keys, values, mask, causal=start == 0)
            x = x + layer.self_attn.o_proj(out[0].transpose(0, 1).flatten(1))
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        lane.length += count
        return self.norm(x)  # type: ignore[no-any-return]

    def step(self, tokens: Tensor, lanes: Sequence[Lane]) -> Tensor:
        """One token for every row ``[R]``, the rows of the lanes one after another; hidden states ``[R, hidden]``."""
        rows = tokens.shape[0]
        places = torch.cat([torch.full((lane.rows,), lane.length, device=tokens.device) for lane in lanes])
        for lane in lanes:
            lane.make_room(1)
        x = self.filled_up(self.embed_tokens(tokens))
        rotation = self.rotation(F.pad(places, (0, x.shape[0] - rows)))
        for index, layer in enumerate(self.in_order()):
            q, k, v = layer.self_attn(layer.input_layernorm(x), rotation)
            out, first = torch.zeros_like(q), 0
            for lane in lanes:
                mine = slice(first, first + lane.rows)
                out[mine] = _look_back(q[mine], k[mine], v[mine], lane, index)
                first += lane.rows
            x = x + layer.self_attn.o_proj(out.flatten(1))
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        for lane in lanes:
            lane.length += 1
        return self.norm(x)[:rows]  # type: ignore[no-any-return]

    def step_within(
        self, tokens: Tensor, lanes: Sequence[Lane], places: Sequence[Tensor], seen: Sequence[int]
    ) -> Tensor:
        """The same step for a device that records it: nothing depends on numbers that the host knows.

        ``places`` holds each lane's place ``[1]`` int64 on the device, and of each lane that many tokens are ``seen``,
        those that are not there yet behind a mask. The lanes do not learn that they have grown.
        """
        where = torch.cat([place.expand(lane.rows) for lane, place in zip(lanes, places, strict=True)])
        x, rotation = self.embed_tokens(tokens), self.rotation(where)
        order = torch.arange(max(seen), device=tokens.device)
        masks = [
            x.new_zeros(count).masked_fill_(order[:count] > place, -torch.inf).view(1, 1, 1, -1)
            for place, count in zip(places, seen, strict=True)
        ]
        for index, layer in enumerate(self.in_order()):
            q, k, v = layer.self_attn(layer.input_layernorm(x), rotation)
            out, first = [], 0
            for lane, place, mask in zip(lanes, places, masks, strict=True):
                mine = slice(first, first + lane.rows)
                lane.keys[index].index_copy_(2, place, k[mine].unsqueeze(2))
                lane.values[index].index_copy_(2, place, v[mine].unsqueeze(2))
                queries = q[mine].view(lane.rows, k.shape[1], -1, q.shape[2])
                keys, values = (part[index, :, :, : mask.shape[3]] for part in (lane.keys, lane.values))
                out.append(F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask).flatten(1))
                first += lane.rows
            x = x + layer.self_attn.o_proj(torch.cat(out))
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        return self.norm(x)  # type: ignore[no-any-return]

    def logits(self, hidden: Tensor, head: Tensor | LaidOut) -> Tensor:
        """``[R, hidden]`` to the logits of some rows of the head ``[V, hidden]``, ``[R, V]`` float32."""
        x = self.filled_up(hidden)
        made: Tensor = head(x) if isinstance(head, LaidOut) else F.linear(x, head)
        return made[: hidden.shape[0]].float()

    def logits_alone(self, hidden: Tensor, head: Tensor) -> Tensor:
        """``[1, hidden]`` to logits ``[V]`` float32, for whoever never asks for more rows than one."""
        return F.linear(hidden, head)[0].float()

    def rows_of_head(self, rows: Tensor) -> Tensor | LaidOut:
        """Some rows of the head ``[V, hidden]`` as logits are made with them fastest: a copy, or themselves."""
        return LaidOut(rows) if self.laid_out else rows

    def filled_up(self, x: Tensor) -> Tensor:
        """Rows of zeros behind those of ``x``, up to a multiple of ``even``."""
        return F.pad(x, (0, 0, 0, -x.shape[0] % self.even))

    def rotation(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines of places ``[N]``, ``[N, 1, D]`` each, as turning takes them."""
        if self._frequencies is None:
            index = torch.arange(self.config.head_dim // 2, dtype=torch.float32, device=places.device)
            self._frequencies = self.config.rope_theta ** (-2.0 * index / self.config.head_dim)
        angle = places.float().outer(self._frequencies).unsqueeze(1)
        like, cos, sin = self.norm.weight.dtype, angle.cos(), angle.sin()
        return torch.cat((cos, cos), dim=-1).to(like), torch.cat((-sin, sin), dim=-1).to(like)

    def in_order(self) -> list[PlannerLayer]:
        """The layers."""
        return cast(list[PlannerLayer], list(self.layers))


def _behind(count: int, start: int, like: Tensor) -> Tensor:
    """0 for what a token of a later piece may see, which is all before it, -inf for the rest: ``[count, all]``."""
    seen = torch.ones(count, start + count, dtype=torch.bool, device=like.device).tril(start)
    return like.new_zeros(seen.shape).masked_fill_(~seen, -torch.inf)


def _attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, causal: bool) -> Tensor:
    """``[1, heads, S, D]`` over ``[1, kv_heads, L, D]``."""
    k, v = for_fused_kernel(q, k, v, masked=mask is not None)
    grouped = q.shape[1] != k.shape[1]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal, enable_gqa=grouped)


def _look_back(q: Tensor, k: Tensor, v: Tensor, lane: Lane, layer: int) -> Tensor:
    """One token of each row of a lane over all before it and itself: ``[rows, heads, D]``.

    The heads that share a key head are that head's queries, so nothing is copied.
    """
    here, kv_heads = lane.length, k.shape[1]
    lane.keys[layer, :, :, here] = k
    lane.values[layer, :, :, here] = v
    keys, values = lane.keys[layer, :, :, : here + 1], lane.values[layer, :, :, : here + 1]
    q = q.view(q.shape[0], kv_heads, -1, q.shape[2])
    if q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, keys, values).flatten(1, 2)
    # Row by row: how torch divides a batch among its threads shows in the last bit.
    rows = [slice(row, row + 1) for row in range(q.shape[0])]
    parts = [F.scaled_dot_product_attention(q[row], keys[row], values[row]) for row in rows]
    return torch.cat(parts).flatten(1, 2)
