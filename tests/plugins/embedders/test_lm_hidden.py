"""A text's vector is what the definition says, alone and in any batch, for models of several families."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from zsg_plugins.embedders import lm_hidden
from zsg_plugins.embedders._sentence_encoder import Batching
from zsg_plugins.embedders.lm_hidden import LmHidden
from zsg_registry import ContractError, ExampleSet, Need, ZsgError
from zsg_registry.testing import NaiveEmbedContext, example_set

TEXTS = ["a", "", "lazy dog", "the quick brown fox jumps over " * 3, "?", "lazy dog", "zebra " * 20, "no, a: b."]


def vectors(embedder: LmHidden, texts: list[str], context: Any) -> np.ndarray:
    return np.concatenate([block.vectors for block in embedder.embed(texts, context)])


@pytest.mark.parametrize("family", ["Llama", "GPT2", "GPTNeoX", "OPT", "Gemma2"])
def test_the_same_alone_and_in_any_batch(
    family: str, make_handle: Any, model_context: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder, handle = LmHidden(), make_handle(family)
    context = model_context(embedder, example_set(["a"]), handle)
    expected = np.stack([by_definition(handle, text) for text in TEXTS])

    for batching in (Batching(3, 40), Batching(100, 10_000), Batching(1, 1)):
        monkeypatch.setattr(lm_hidden, "CPU", batching)
        np.testing.assert_allclose(vectors(embedder, TEXTS, context), expected, atol=1e-5)


def by_definition(handle: Any, text: str, layer: int = -1) -> np.ndarray:
    """The mean of a layer's states, the i-th of n tokens weighing i / (1 + … + n)."""
    ids = torch.tensor([handle.tokenizer(text)["input_ids"] or [0]])
    with torch.no_grad():
        states = handle.model(input_ids=ids, output_hidden_states=True).hidden_states[layer][0].double().numpy()
    n = len(states)
    mean: np.ndarray = sum((i + 1) / (n * (n + 1) / 2) * state for i, state in enumerate(states))
    return mean


@pytest.mark.parametrize("layer", [0, 1, 2, -3])
def test_any_layer(layer: int, make_handle: Any, model_context: Callable[..., Any]) -> None:
    embedder, handle = LmHidden(layer=layer), make_handle()
    found = vectors(embedder, TEXTS, model_context(embedder, example_set(["a"]), handle))
    np.testing.assert_allclose(found, [by_definition(handle, text, layer) for text in TEXTS], atol=1e-5)


def test_other_poolings_and_what_is_cut(make_handle: Any, model_context: Callable[..., Any]) -> None:
    handle, text = make_handle(), "the quick brown fox"
    with torch.no_grad():
        ids = torch.tensor([handle.tokenizer(text)["input_ids"]])
        states = handle.model(input_ids=ids, output_hidden_states=True).hidden_states[-1][0].numpy()
    for pooling, expected in (("mean", states[:9].mean(axis=0)), ("last", states[8])):
        embedder = LmHidden(pooling=pooling, max_length=9)
        (block,) = embedder.embed([text, "a"], model_context(embedder, example_set(["a"]), handle))
        np.testing.assert_allclose(block.vectors[0], expected, atol=1e-5)
        assert block.truncated == 1


def test_a_layer_that_is_not_there(model_context: Callable[..., Any]) -> None:
    embedder = LmHidden(layer=3)
    with pytest.raises(ZsgError, match=r"^embedder 'lm-hidden': layer = 3, but the model has 2 layers$"):
        list(embedder.embed(["a"], model_context(embedder, example_set(["a"]))))


def test_special_tokens_in_the_data_are_text(make_handle: Any, model_context: Callable[..., Any]) -> None:
    embedder, handle = LmHidden(pooling="mean", layer=0), make_handle()
    with_end, plain = vectors(embedder, ["</s>", "<"], model_context(embedder, example_set(["a"]), handle))
    end = handle.model.get_input_embeddings().weight[1].detach().numpy()
    assert np.abs(with_end - end).max() > 1e-3
    assert np.abs(plain - end).max() > 1e-3


def test_the_base_model_must_be_declared() -> None:
    pool: ExampleSet = example_set(["a"])
    with pytest.raises(ContractError, match=r"without declaring Need\.MODEL"):
        NaiveEmbedContext(pool, needs=frozenset({Need.LOSSES})).model()
