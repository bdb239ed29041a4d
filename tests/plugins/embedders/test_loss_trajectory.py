"""Losses along a training: at first the base model's own, lower where it was trained, each example's by itself."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from zsg_plugins.embedders.loss_trajectory import LossTrajectory
from zsg_registry import Access, ContractError
from zsg_registry.testing import NaiveEmbedContext, example_set

POOL = example_set(
    tasks=["a"] * 6,
    prompts=["the dog", "a fox jumps over it", "x", "seven ships sail home", "no", "quick"],
    completions=["yes", "yes", "yes", "yes", "yes", "yes"],
)


def test_trajectories(make_handle: Any, model_context: Callable[..., Any]) -> None:
    embedder, handle = LossTrajectory(points=4, steps=5, batch_size=4, learning_rate=1e-2), make_handle()
    context = model_context(embedder, POOL, handle)
    encoder = embedder.fit(context)

    (found,) = encoder.encode(POOL, "pool", "both")

    assert found.shape == (6, 4)
    for row in range(6):
        (batch,) = handle.encode(POOL.take([row]))
        with torch.no_grad():
            own = float(handle.model(**batch).loss)
        assert found[row, 0] == pytest.approx(own, abs=1e-5)
        (alone,) = encoder.encode(POOL.take([row]), "query", "both")
        np.testing.assert_allclose(alone[0], found[row], atol=1e-5)
    assert (found[:, -1] < found[:, 0] - 0.5).all()
    (again,) = embedder.fit(context).encode(POOL, "pool", "both")
    np.testing.assert_array_equal(again, found)


def test_a_proxy_is_trained_in_the_place_of_the_base_model(make_handle: Any, tmp_path: Path) -> None:
    small = make_handle("GPT2", n_layer=1)
    embedder = LossTrajectory(points=2, steps=1, proxy="small")
    context = NaiveEmbedContext.of(embedder, POOL, tmp_path, others={"small": lambda: copy.deepcopy(small)})

    (found,) = embedder.fit(context).encode(POOL.take([0]), "query", "both")

    (batch,) = small.encode(POOL.take([0]))
    with torch.no_grad():
        assert found[0, 0] == pytest.approx(float(small.model(**batch).loss), abs=1e-5)


def test_a_view_without_answers_needs_none(model_context: Callable[..., Any]) -> None:
    embedder = LossTrajectory(points=2, steps=1)
    encoder = embedder.fit(model_context(embedder, POOL))
    prompts = POOL.restrict(Access.PROMPTS)
    (found,) = encoder.encode(prompts, "query", "prompt")
    assert (found > 0).all()
    with pytest.raises(ContractError, match="'completion' is withheld"):
        list(encoder.encode(prompts, "query", "both"))
