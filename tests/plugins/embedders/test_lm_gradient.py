"""Gradients are what finite differences say, steps what Adam would do, and their cosine is LESS's score."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from zsg_plugins.embedders.lm_gradient import LmGradient, _Moments
from zsg_registry import Access, ContractError, ExampleSet, Need
from zsg_registry.testing import example_set

Contexts = Callable[..., Any]

POOL = example_set(
    tasks=["a", "a", "b", "b", "b", "c", "c"],
    prompts=["the dog", "a fox jumps over", "x", "seven ships sail home", "no", "quick", "a : b"],
    completions=["barks", "a dog", "y", "late", "yes", "slow", "c"],
)
QUERY = example_set(["u", "v"], prompts=["a cat", "two ships"], completions=["purrs", "sail"], prefix="query-")


def vectors(embedder: LmGradient, examples: ExampleSet, role: Any, context: Any, view: Any = "both") -> np.ndarray:
    return np.concatenate(list(embedder.fit(context).encode(examples, role, view)))


@pytest.mark.parametrize("view", ["both", "completion", "prompt", "instruction"])
def test_equals_finite_differences(view: Any, make_handle: Any, model_context: Contexts) -> None:
    handle = make_handle("GPT2", n_layer=1)  # in float64 throughout, as Llama's normalisation is not
    handle.model.double()
    embedder = LmGradient(parameters="all", steps=0, dimensions=None)
    found = vectors(embedder, QUERY, "query", model_context(embedder, POOL, handle), view).astype(np.float64)

    weights = list(handle.model.parameters())
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(5, found.shape[1]))
    for row in range(len(QUERY)):
        (batch,) = handle.encode(QUERY.take([row]), view)
        slopes = np.array([slope(handle.model, batch, weights, direction) for direction in directions])
        projected = directions @ found[row]
        norm = (slopes @ projected) / (projected @ projected)
        assert norm > 0
        np.testing.assert_allclose(projected * norm, slopes, rtol=1e-4, atol=1e-5 * norm)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def slope(model: Any, batch: dict[str, Any], weights: list[Any], direction: np.ndarray, h: float = 1e-5) -> float:
    """The central difference along a direction."""
    sizes = [weight.numel() for weight in weights]
    parts = torch.from_numpy(direction).split(sizes)

    def loss_at(distance: float) -> float:
        with torch.no_grad():
            for weight, part in zip(weights, parts, strict=True):
                weight.add_(distance * part.view_as(weight))
            found = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[0]
        labels = batch["labels"][0]
        own = [-found[n - 1].log_softmax(dim=0)[labels[n]] for n in range(1, len(labels)) if labels[n] != -100]
        return float(torch.stack(own).mean())

    ahead = loss_at(h)
    behind = loss_at(-2 * h)
    loss_at(h)
    return (ahead - behind) / (2 * h)


def test_the_pools_direction_is_adams_next_step() -> None:
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.zeros(50))
    optimizer = torch.optim.Adam([weight], lr=0.5, betas=(0.9, 0.999), eps=1e-8)
    for _ in range(5):
        weight.grad = torch.randn(50)
        optimizer.step()
    state = optimizer.state[weight]
    moments = _Moments(state["exp_avg"].clone(), state["exp_avg_sq"].clone(), 5)
    before, own = weight.detach().clone(), torch.randn(50)

    weight.grad = own
    optimizer.step()

    torch.testing.assert_close(moments.direction(own), (before - weight.detach()) / 0.5, rtol=1e-5, atol=1e-6)


def test_a_cosine_is_the_mean_over_checkpoints_weighted_by_rate(model_context: Contexts) -> None:
    embedder = LmGradient(parameters="last-layer", checkpoints=3, steps=2, dimensions=64, batch_size=4)
    pool, query = (
        vectors(embedder, examples, role, model_context(embedder, POOL))
        for examples, role in ((POOL, "pool"), (QUERY, "query"))
    )
    assert pool.shape == (len(POOL), 3 * 64)
    # The rates 6, 5 | 4, 3 | 2, 1 of a line that falls to 0.
    shares = np.array([11, 7, 3]) / 21
    for found in (pool, query):
        lengths = np.linalg.norm(found.reshape(-1, 3, 64), axis=2)
        np.testing.assert_allclose(lengths**2, np.broadcast_to(shares, lengths.shape), atol=1e-5)


def test_the_query_has_plain_gradients_and_the_pool_adams(model_context: Contexts) -> None:
    embedder = LmGradient(parameters="last-layer", checkpoints=1, steps=3, dimensions=None)
    context = model_context(embedder, POOL)
    adams, plain = (vectors(embedder, POOL, role, context) for role in ("pool", "query"))
    cosines = (adams * plain).sum(axis=1)
    assert (cosines > 0.05).all()
    assert (cosines < 0.99).all()
    # Adam's steps are of like size everywhere; gradients are not.
    assert np.abs(adams).max() < np.abs(plain).max()


def test_adapters_the_same_each_time_alone_and_in_a_batch(model_context: Contexts) -> None:
    embedder = LmGradient(checkpoints=2, steps=2, dimensions=32)
    assert embedder.unavailable() is None
    context = model_context(embedder, POOL)
    state = torch.get_rng_state()

    found = vectors(embedder, POOL, "pool", context)

    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(vectors(embedder, POOL, "pool", context), found)
    encoder = embedder.fit(context)
    for row in (0, 3):
        (alone,) = encoder.encode(POOL.take([row]), "pool", "both")
        np.testing.assert_allclose(alone[0], found[row], atol=1e-5)
    assert not any(parameter.requires_grad is False for parameter in context.model().model.parameters())


def test_answers_only_where_they_may_be_seen(model_context: Contexts) -> None:
    embedder = LmGradient(parameters="last-layer", steps=0, dimensions=16)
    encoder = embedder.fit(model_context(embedder, POOL))
    prompts = QUERY.restrict(Access.PROMPTS)

    (found,) = encoder.encode(prompts, "query", "prompt")
    assert found.shape == (2, 16)
    for view in ("both", "completion"):
        with pytest.raises(ContractError, match="'completion' is withheld"):
            list(encoder.encode(prompts, "query", view))  # type: ignore[arg-type]


def test_what_it_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    from zsg_plugins.embedders import lm_gradient

    assert LmGradient().needs >= {Need.MODEL, Need.GRADIENTS}
    assert LmGradient.fitted
    monkeypatch.setattr(lm_gradient, "find_spec", lambda name: None)
    assert LmGradient().unavailable() == (
        "LoRA needs peft: pip install 'zsg-harness[peft]', or set parameters=last-layer"
    )
    assert LmGradient(parameters="all").unavailable() is None
