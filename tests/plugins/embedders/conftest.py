"""Contexts for embedders, tiny base models, and texts of many lengths."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from zsg_registry import Example, ExampleSet, View
from zsg_registry.testing import NaiveEmbedContext


def examples_of(texts: Sequence[str]) -> ExampleSet:
    """Each text as a prompt; the completion is a single word."""
    return ExampleSet.from_examples(
        Example(str(n), "task", prompt=text, completion="yes") for n, text in enumerate(texts)
    )


@pytest.fixture
def context(tmp_path: Path) -> NaiveEmbedContext:
    return NaiveEmbedContext(examples_of(TEXTS), tmp_path)


@dataclass
class Handle:
    """A `ModelHandle` whose template is prompt, completion, EOS; in batches of three."""

    model: Any
    tokenizer: Any
    device: str = "cpu"

    def encode(self, examples: ExampleSet, view: View = "both") -> Iterator[dict[str, Any]]:
        import torch

        texts = [("", text) for text in examples.texts(view)]
        if view == "both":
            texts = list(zip(examples.texts("prompt"), examples.texts("completion"), strict=True))
        ids = [[self.tokenizer(text)["input_ids"] for text in pair] for pair in texts]
        rows = [([0, *prompt, *answer, 1], 1 + len(prompt)) for prompt, answer in ids]
        for start in range(0, len(rows), 3):
            part = rows[start : start + 3]
            tokens = torch.full((len(part), max(len(row) for row, _ in part)), 2)
            mask, labels = torch.zeros_like(tokens), torch.full_like(tokens, -100)
            for n, (row, begins) in enumerate(part):
                tokens[n, : len(row)] = torch.tensor(row)
                mask[n, : len(row)] = 1
                labels[n, begins : len(row)] = torch.tensor(row[begins:])
            yield {"input_ids": tokens, "attention_mask": mask, "labels": labels}


SIZES = {
    "Llama": {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2},
    "GPT2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 256},
    "GPTNeoX": {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2},
    "OPT": {
        "hidden_size": 16,
        "ffn_dim": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "word_embed_proj_dim": 16,
    },
    "Gemma2": {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "sliding_window": 8,
    },
}
"""Families of base models that differ in how they know positions and what they attend to."""


@pytest.fixture
def make_handle() -> Iterator[Callable[..., Handle]]:
    """A random model of a family, of a few thousand parameters, and a tokenizer of characters.

    It is worked with in one thread: several would spend their time waiting for each other.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def handle(family: str = "Llama", **changes: Any) -> Handle:
        import transformers
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers

        characters = {name: n for n, name in enumerate(["<s>", "</s>", "<unk>", *"abcdefghijklmnopqrstuvwxyz .,:"])}
        tokenizer = Tokenizer(models.WordLevel(characters, unk_token="<unk>"))
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
        ids = {"vocab_size": len(characters), "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
        config = getattr(transformers, f"{family}Config")(**ids, **SIZES[family] | changes)
        torch.manual_seed(5)
        model = transformers.AutoModelForCausalLM.from_config(config).eval()
        fast = transformers.PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
        )
        return Handle(model, fast)

    yield handle
    torch.set_num_threads(threads)


@pytest.fixture
def model_context(make_handle: Callable[..., Handle], tmp_path: Path) -> Callable[..., NaiveEmbedContext]:
    """A context with a tiny base model, which every `fresh` one is a copy of."""

    def context(embedder: Any, pool: ExampleSet, handle: Handle | None = None) -> NaiveEmbedContext:
        own = handle or make_handle()
        return NaiveEmbedContext.of(embedder, pool, tmp_path, model=lambda: copy.deepcopy(own))

    return context


@pytest.fixture
def make_examples() -> Callable[[Sequence[str]], ExampleSet]:
    return examples_of


@pytest.fixture
def texts() -> list[str]:
    return list(TEXTS)


WORDS = "the quick brown fox jumps over a lazy dog while seven wizards quietly fix 42 jackdaws".split()  # noqa: SIM905
TEXTS = [
    "",
    "?",
    "x",
    "naïve Ünïcode: 日本語 🟦",
    *(" ".join(WORDS[(n * n + k) % len(WORDS)] for k in range(length)) for n, length in enumerate([1, 3, 9, 30, 120])),
    " ".join(WORDS * 40),  # longer than any encoder here reads
    "x",
]
