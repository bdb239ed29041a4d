"""A real, very small causal language model, and small data, for tests that run whole cells."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from zsg_harness.matrix.schema import ModelEntry
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.models.loading import load_model
from zsg_harness.models.resolve import resolve_model
from zsg_registry import Example, ExampleSet


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A randomly initialised Llama of 60,000 parameters with zsg-tiny's tokenizer."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    bundled = resolve_model(ModelEntry(use="zsg-tiny"), Path())
    tokenizer = AutoTokenizer.from_pretrained(bundled.name_or_path)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    torch.manual_seed(7)
    folder = tmp_path_factory.mktemp("small-model")
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def lm(small_model: Path) -> CausalLM:
    """The small model, fresh for each test."""
    return load_model(ModelEntry(use=str(small_model)), Path(), torch.device("cpu"))


@pytest.fixture(scope="session")
def examples() -> ExampleSet:
    """Forty examples whose lengths differ widely."""
    words = [
        "the",
        "quick",
        "brown",
        "fox",
        "jumps",
        "over",
        "a",
        "lazy",
        "dog",
        "while",
        "seven",
        "ships",
        "sail",
        "home",
    ]
    return ExampleSet.from_examples(
        Example(
            id=f"e{i}",
            task=f"task-{i % 4}",
            prompt=" ".join(words[j % len(words)] for j in range(i * 3 % 50 + 1)),
            completion=" ".join(words[(i + j) % len(words)] for j in range(i % 7 + 1)),
        )
        for i in range(40)
    )
