"""A small but complete Qwen-style tokenizer: byte-level BPE that encodes any text, with Qwen's special tokens."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

END_OF_TEXT = "<|endoftext|>"

_SPANS = tuple(f"<|{name}_{end}|>" for name in ("object_ref", "box", "quad", "vision") for end in ("start", "end"))
_PADS = tuple(f"<|{name}_pad|>" for name in ("vision", "image", "video"))
_CONTROL = (END_OF_TEXT, "<|im_start|>", "<|im_end|>", *_SPANS, *_PADS)
_MARKUP = (
    "<tool_call>",
    "</tool_call>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
)

_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

_SENTENCES = (
    "# Instruction\nFill the audio semantic mask based on the given conditions:\n\n# Caption\nA slow song\n\n# Metas\n",
    "- bpm: N/A\n- timesignature: 4\n- keyscale: C major\n- duration: 30 seconds\n",
    "# Languages\nen\n\n# Lyric\n[Verse]\nThe river carries all the lights of the town away\n[Chorus]\nand away\n",
    "Generate audio semantic tokens based on the given conditions:\nbpm: 120\ncaption: A warm piano and a soft voice\n",
    "duration: 180\nkeyscale: A minor\nlanguage: en\ntimesignature: 3\n# Lyric\n[Instrumental]\n",
    "Expand the user's input into a more detailed and specific musical description:\n\ninstrumental: true",
    "a dark techno track with a driving bass line, bright synths, female vocals and a big drum fill at the end",
)

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@cache
def _trained_model() -> str:
    """The vocabulary and merges learnt from the sentences above, on top of all 256 bytes, as JSON."""
    tokenizer = with_qwen_rules(Tokenizer(models.BPE()))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=512, initial_alphabet=alphabet, special_tokens=[], show_progress=False)
    tokenizer.train_from_iterator(_SENTENCES, trainer)
    return tokenizer.to_str()


def with_qwen_rules(tokenizer: Tokenizer, split: str = _SPLIT) -> Tokenizer:
    """Normalises, cuts (where the expression ``split`` says) and decodes as Qwen's tokenizer does."""
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(split), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def build_tokenizer(audio_codes: int = 0, end_every_text: bool = False) -> Tokenizer:
    """A tokenizer whose special tokens follow its vocabulary in Qwen's order, then ``<|audio_code_0|>`` and so on.

    ``audio_codes`` is how many code tokens to reserve. With ``end_every_text`` the post-processor appends
    ``<|endoftext|>`` to whatever is encoded, as the text encoder's does.
    """
    tokenizer = Tokenizer.from_str(_trained_model())
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in _CONTROL])
    codes = tuple(f"<|audio_code_{code}|>" for code in range(audio_codes))
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in _MARKUP + codes])
    byte_level = processors.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.post_processor = end_every_text_of(tokenizer) if end_every_text else byte_level
    return tokenizer


def end_every_text_of(tokenizer: Tokenizer) -> processors.Sequence:
    """What appends ``<|endoftext|>`` to whatever ``tokenizer`` encodes."""
    byte_level = processors.ByteLevel(add_prefix_space=False, use_regex=False)
    end = processors.TemplateProcessing(
        single=f"$A {END_OF_TEXT}",
        pair=f"$A {END_OF_TEXT} $B {END_OF_TEXT}",
        special_tokens=[(END_OF_TEXT, tokenizer.token_to_id(END_OF_TEXT))],
    )
    return processors.Sequence([byte_level, end])


def reserved_codes(levels: tuple[int, ...]) -> int:
    """How many code tokens a planner reserves: one less than a power of two, so 65535 for the official 64000 codes."""
    codes = 1
    for level in levels:
        codes *= level
    return (1 << codes.bit_length()) - 1


def write_tokenizer(folder: Path, tokenizer: Tokenizer, end_of_turn: str) -> None:
    """Writes ``tokenizer.json`` and the files that accompany it in an official folder."""
    tokenizer.save(str(folder / "tokenizer.json"))
    model = json.loads(_trained_model())["model"]
    added = {token.content: index for index, token in sorted(tokenizer.get_added_tokens_decoder().items())}
    _write_json(folder / "vocab.json", model["vocab"])
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{pair}\n" for pair in merges), encoding="utf-8")
    _write_json(folder / "added_tokens.json", added)
    special = {"eos_token": end_of_turn, "pad_token": END_OF_TEXT}
    _write_json(folder / "special_tokens_map.json", special | {"additional_special_tokens": list(_CONTROL[1:])})
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 131072, "padding_side": "right"}
    _write_json(
        folder / "tokenizer_config.json",
        settings | special | {"clean_up_tokenization_spaces": False, "chat_template": CHAT_TEMPLATE},
    )


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
