"""The bundled base model: small, loadable without a network, and a language model."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

import zsg_harness

FOLDER = Path(zsg_harness.__file__).parent / "models" / "zsg_tiny"

# Plain sentences that occur in no data set: written for this test.
ENGLISH = (
    "The old man walked slowly down the street and looked at the houses on the other side.",
    "In the morning she made a cup of tea and read the news before she went to work.",
    "The company said on Monday that it would open a new office in the city next year.",
    "There are many reasons why people choose to live near the sea.",
    "He asked his friend whether she wanted to watch a movie in the evening.",
    "Water is important for all living things, and most of the earth is covered by it.",
    "The children played in the park until it began to rain.",
    "The government has announced a plan to build more schools in the north of the country.",
)
# A model that knows nothing pays log(4096) = 8.3 nats per token; one that knows token frequencies 6.7.
# Measured when the model was made: 4.51.
LOSS_BOUND = 4.9
TOKENIZER: Any = AutoTokenizer.from_pretrained(FOLDER, local_files_only=True)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return TOKENIZER


@pytest.fixture(scope="module")
def model() -> Any:
    return AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32, local_files_only=True).eval()


def mean_loss(model: Any, tokenizer: Any, texts: tuple[str, ...]) -> float:
    """Return the mean loss per token over texts, each after the begin token."""
    total, count = 0.0, 0
    for text in texts:
        ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]]])
        with torch.inference_mode():
            total += model(input_ids=ids, labels=ids).loss.item() * (ids.shape[1] - 1)
        count += ids.shape[1] - 1
    return total / count


def test_files_are_there_and_small() -> None:
    names = {file.name for file in FOLDER.iterdir() if file.is_file()}
    weights = {"config.json", "generation_config.json", "model.safetensors"}
    assert names >= weights | {"tokenizer.json", "tokenizer_config.json", "README.md", "training_log.csv"}
    assert (FOLDER / "model.safetensors").stat().st_size <= 8_000_000


def test_loads_without_a_network() -> None:
    code = (
        "import sys; from transformers import AutoModelForCausalLM as M, AutoTokenizer as T; "
        "T.from_pretrained(sys.argv[1]); print(type(M.from_pretrained(sys.argv[1])).__name__)"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(FOLDER)], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "LlamaForCausalLM"


def test_special_tokens(tokenizer: Any, model: Any) -> None:
    special = [tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token]
    assert special == ["<bos>", "<eos>", "<pad>"]
    ids = tokenizer.convert_tokens_to_ids(special)
    assert len(set(ids)) == 3
    assert [model.config.bos_token_id, model.config.eos_token_id, model.config.pad_token_id] == ids
    assert len(tokenizer) == model.config.vocab_size == 4096


def test_the_tokenizer_adds_no_special_tokens_by_itself(tokenizer: Any) -> None:
    assert not set(tokenizer("A plain text.")["input_ids"]) & set(tokenizer.all_special_ids)


@given(text=st.text())
@settings(max_examples=200, deadline=None)
def test_tokens_give_back_any_text(text: str) -> None:
    ids = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    assert TOKENIZER.decode(ids, clean_up_tokenization_spaces=False) == text


def test_digits_are_single_tokens(tokenizer: Any) -> None:
    assert len(tokenizer("4096512", add_special_tokens=False)["input_ids"]) == 7


def test_it_is_a_language_model(model: Any, tokenizer: Any) -> None:
    loss = mean_loss(model, tokenizer, ENGLISH)
    torch.manual_seed(0)
    untrained = mean_loss(LlamaForCausalLM(model.config).eval(), tokenizer, ENGLISH)
    assert loss < LOSS_BOUND < math.log(4096) - 1 < untrained


def test_it_prefers_sentences_to_the_same_words_shuffled(model: Any, tokenizer: Any) -> None:
    shuffled = tuple(" ".join(sorted(text.split(), key=lambda word: word[::-1])) for text in ENGLISH)
    assert mean_loss(model, tokenizer, ENGLISH) < mean_loss(model, tokenizer, shuffled) - 0.5


def test_far_positions_work(model: Any, tokenizer: Any) -> None:
    ids = tokenizer(" ".join(ENGLISH) * 9, add_special_tokens=False)["input_ids"][:1024]
    batch = torch.tensor([ids])
    with torch.inference_mode():
        logits = model(input_ids=batch).logits[0].float()
    late = torch.nn.functional.cross_entropy(logits[-200:-1], batch[0, -199:]).item()
    assert len(ids) == 1024
    assert late < LOSS_BOUND
