"""What benchmarks of training work on: random Llamas, and examples whose lengths spread as instruction data's do."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.tokens.encoding import Encoded

LONGEST: Final = 1024
"""Tokens of an example at most, and what the usual padding fills up to."""

MEDIAN: Final = 125
SPREAD: Final = 0.94
"""Standard deviation of the logarithms of the lengths."""

SHORTEST: Final = 12
LABELS: Final = 0.095
"""The share of an example's tokens, at its end, that are labels."""

SPECIAL: Final = ("<s>", "</s>", "<pad>")

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a Llama with heads of 64 dimensions."""

    hidden: int
    layers: int
    intermediate: int
    vocabulary: int = 8192
    shared_by: int = 1
    """Heads that share keys and values."""
    tied: bool = False
    """Whether the head's weights are the embedding's."""


def random_llama(shape: Shape, device: str = "cpu", dtype: torch.dtype = torch.float32) -> CausalLM:
    """A model that was never trained; the same one each time."""
    heads = shape.hidden // 64
    config = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=heads,
        num_key_value_heads=heads // shape.shared_by,
        max_position_embeddings=2 * LONGEST,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        tie_word_embeddings=shape.tied,
    )
    torch.manual_seed(0)
    with torch.device(device):
        model: Any = AutoModelForCausalLM.from_config(config, dtype=dtype).eval()
    lm = CausalLM(model, word_tokenizer(shape.vocabulary), torch.device(device))
    lm.choose_form()
    return lm


def word_tokenizer(size: int) -> PreTrainedTokenizerFast:
    """A tokenizer with a word for each token, so that answers differ where their tokens do."""
    words = {word: position for position, word in enumerate((*SPECIAL, *(f"w{i}" for i in range(len(SPECIAL), size))))}
    bos, eos, pad = SPECIAL
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel(words, unk_token=pad)), bos_token=bos, eos_token=eos, pad_token=pad
    )


def random_examples(count: int, vocabulary: int, longest: int = LONGEST) -> Encoded:
    """Random tokens. Lengths are the quantiles of the distribution, so that few examples spread as many would."""
    rng = np.random.default_rng(0)
    normal = NormalDist(np.log(MEDIAN), SPREAD)
    quantiles = np.exp([normal.inv_cdf((i + 0.5) / count) for i in range(count)])
    lengths = rng.permutation(np.clip(quantiles, SHORTEST, longest).astype(np.int64))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    is_label = np.zeros(offsets[-1], dtype=np.bool_)
    for end, length in zip(offsets[1:], lengths, strict=True):
        is_label[end - max(1, round(LABELS * length)) : end] = True
    tokens = rng.integers(len(SPECIAL), vocabulary, offsets[-1], dtype=np.int32)
    return Encoded.of(tokens, is_label, offsets)
