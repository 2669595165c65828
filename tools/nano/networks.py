"""The networks of nano before they are trained, and what they share while they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from engine.model import Acestep
from engine.models.dit import Memory
from engine.models.text import TextEncoder, caption_tokens, lyric_tokens
from tools.nano.held import Held
from tools.nano.metronome import assume, wind_up
from tools.nano.sizes import dit_config, text_config
from tools.nano.words import build_tokenizer, number_rows, unsaid_row


@dataclass(frozen=True)
class Networks:
    """What is trained on latents: the transformer with its encoders and 5 Hz codec, and the text encoder."""

    acestep: Acestep
    text: TextEncoder
    tokenizer: Tokenizer

    @property
    def modules(self) -> nn.ModuleDict:
        """Both, as one module: for optimisers, averages and states."""
        return nn.ModuleDict({"acestep": self.acestep, "text": self.text})

    def states(self, captions: list[str], lyrics: list[str], clips: Tensor, heard: list[int]) -> list[Tensor]:
        """The condition states ``[1, L, E]`` of every item; item i hears the reference ``clips[heard[i]]``.

        ``clips`` is ``[R, frames, 64]``: most items share one, which is silence.

        Captions go through the text encoder side by side, padded on the right; it is causal, so the padding is never
        seen. The rest is encoded item by item, as when rendering: nothing padded is ever attended to.
        """
        device = clips.device
        tokens = [caption_tokens(self.tokenizer, text)[0] for text in captions]
        longest = max(map(len, tokens))
        padded = torch.tensor([ids + [ids[-1]] * (longest - len(ids)) for ids in tokens], device=device)
        encoded = self.text.caption(padded)
        encoder = self.acestep.encoder
        timbre = encoder.timbre_encoder(clips)
        states = []
        for index, ids in enumerate(tokens):
            words = torch.tensor([lyric_tokens(self.tokenizer, lyrics[index])[0]], device=device)
            sung = encoder.lyric_encoder(self.text.lyrics(words))
            caption = encoder.text_projector(encoded[index : index + 1, : len(ids)])
            states.append(torch.cat((sung, timbre[heard[index]].view(1, 1, -1), caption), dim=1))
        return states

    def wind_up(self) -> Held:
        """Writes the weights that count the beat; whoever trains the rest holds them."""
        return wind_up(self.acestep, self.text, number_rows(self.tokenizer))

    def assume_a_tempo(self) -> None:
        """To be called when training is over: requests that say no tempo get one."""
        assume(self.text, unsaid_row(self.tokenizer))

    def memories(self, states: list[Tensor]) -> list[Memory]:
        """Each item's own keys and values: projected together, then taken apart."""
        lengths = [state.shape[1] for state in states]
        together = self.acestep.decoder.remember(torch.cat(states, dim=1))
        keys = [torch.split(key, lengths, dim=2) for key in together.keys]
        values = [torch.split(value, lengths, dim=2) for value in together.values]
        return [
            Memory(tuple(key[index] for key in keys), tuple(value[index] for value in values))
            for index in range(len(states))
        ]


def make_networks(variant: str, seed: int) -> Networks:
    """Fresh networks; the same for the same seed."""
    tokenizer = build_tokenizer()
    acestep = Acestep(dit_config(variant), guided=True)
    rows = tokenizer.get_vocab_size()
    text = TextEncoder(text_config(rows), rows)
    generator = torch.Generator().manual_seed(seed)
    for module in (acestep, text):
        for name, parameter in module.named_parameters():
            _initialise(name, parameter, generator)
    _write_numbers(text, tokenizer)
    networks = Networks(acestep, text, tokenizer)
    networks.wind_up()
    return networks


@torch.no_grad()
def _initialise(name: str, parameter: nn.Parameter, generator: torch.Generator) -> None:
    """Every branch begins as nothing (its last matrix or its gate is zero) and every norm as no change."""
    scattered = parameter.dim() < 2 or "special_token" in name or "null_condition" in name
    if name.endswith(("norm.weight", "norm_out.weight")) or "layernorm" in name:
        parameter.fill_(1.0)
    elif name.endswith((".bias", "scale_shift_table", "time_proj.weight", "proj_out.1.weight")):
        parameter.zero_()
    elif scattered or name == "model.embed_tokens.weight":
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    else:
        fan = math.prod(parameter.shape[1:])
        small = 0.1 if name.endswith(("o_proj.weight", "down_proj.weight")) else 1.0
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * small * fan**-0.5)


@torch.no_grad()
def _write_numbers(text: TextEncoder, tokenizer: Tokenizer) -> None:
    """Numbers begin as points on a curve, so that what is learnt of one tempo holds for its neighbours."""
    table = text.model.embed_tokens.weight
    half = table.shape[1] // 2
    wave = torch.exp(torch.linspace(math.log(0.5), math.log(60.0), half))
    for row, number in number_rows(tokenizer).items():
        angle = math.log(max(number, 1) / 100) * wave
        table[row] = torch.cat((angle.sin(), angle.cos())) * 0.7


def matrices(module: nn.Module) -> list[nn.Parameter]:
    """The matrices inside stacks of layers, which an orthogonalising optimiser is for."""
    return [p for name, p in module.named_parameters() if p.dim() == 2 and ".layers." in name and p.requires_grad]
