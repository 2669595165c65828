"""The text encoder's tokenizer: byte-level, so that it takes any text.

Every word of the songs and every number that metadata can hold is one token.
"""

from __future__ import annotations

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from engine.tasks import FROM_CODES, TASKS
from engine.testing.vocabulary import END_OF_TEXT, end_every_text_of, with_qwen_rules
from engine.values import KEYSCALES
from tools.nano.music import vocabulary

NUMBERS = tuple(str(number) for number in range(601))
"""Every tempo and every duration in seconds."""

_SPLIT = r"[^\r\n\p{L}\p{N}]?\p{L}+|[^\r\n\p{L}\p{N}]?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
"""Like Qwen's, but a number of up to three digits stays whole, with the space before it."""

_FIXED = (
    *(
        f"# Instruction\n{task.instruction}\n{task.instruction_with_tracks}\n"
        for task in TASKS.values()
        if task.instruction
    ),
    f"{FROM_CODES}\n\n# Caption\nA\n\n# Metas\n- bpm: N/A\n- timesignature: N/A\n",
    "- keyscale: N/A\n- duration: seconds\n# Languages\nen\n\n# Lyric\n[]\n[Instrumental] unknown",
)


def build_tokenizer() -> Tokenizer:
    """The tokenizer, the same on every call."""
    known: dict[str, int] = {symbol: index for index, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    merges: list[tuple[str, str]] = []
    rules = with_qwen_rules(Tokenizer(models.BPE()), _SPLIT)
    for piece in _pieces(rules):
        _learn(piece, known, merges)
    tokenizer = with_qwen_rules(Tokenizer(models.BPE(vocab=known, merges=merges)), _SPLIT)
    tokenizer.add_special_tokens([AddedToken(END_OF_TEXT, special=True, normalized=False)])
    tokenizer.post_processor = end_every_text_of(tokenizer)
    return tokenizer


def number_rows(tokenizer: Tokenizer) -> dict[int, int]:
    """Token ids of the numbers, with and without a space before them, to the numbers."""
    vocabulary = tokenizer.get_vocab()
    rows = {}
    for number in NUMBERS:
        for form in (number, f"Ġ{number}"):
            if form in vocabulary:
                rows[vocabulary[form]] = int(number)
    return rows


def unsaid_row(tokenizer: Tokenizer) -> int:
    """The token id that ends "N/A"."""
    return tokenizer.get_vocab()["/A"]


def _pieces(rules: Tokenizer) -> list[str]:
    """What is to be one token each, as the pre-tokenizer cuts it."""
    texts = [f"{number} {number}" for number in NUMBERS]
    texts += [f"{word}, {word} [{word} {word.capitalize()}\n{word.capitalize()}" for word in vocabulary()]
    texts += [f" {key}" for key in KEYSCALES if key.isascii()]
    texts += list(_FIXED)
    seen: dict[str, None] = {}
    for text in texts:
        for piece, _ in rules.pre_tokenizer.pre_tokenize_str(text):
            seen.setdefault(piece)
    return list(seen)


def _learn(piece: str, known: dict[str, int], merges: list[tuple[str, str]]) -> None:
    """Adds what is missing so that ``piece`` becomes one token: its longest known start grows by what is known."""
    parts = list(piece)
    for left, right in merges:
        _merge(parts, left, right)
    while len(parts) > 1:
        pair = (parts[0], parts[1])
        merges.append(pair)
        known.setdefault(parts[0] + parts[1], len(known))
        _merge(parts, *pair)


def _merge(parts: list[str], left: str, right: str) -> None:
    index = 0
    while index < len(parts) - 1:
        if parts[index] == left and parts[index + 1] == right:
            parts[index : index + 2] = [left + right]
        index += 1
