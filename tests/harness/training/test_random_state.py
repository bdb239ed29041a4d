"""Whoever looks at a model in training leaves no trace in it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pytest
import torch

from zsg_harness.matrix.schema import RunTable, TrainingTable
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.tokens.encoding import encode
from zsg_harness.training.loop import Trainer
from zsg_harness.training.random_state import RandomState, seed_training, undisturbed
from zsg_harness.training.world import World
from zsg_registry import ExampleSet


@pytest.fixture(autouse=True)
def _own_generators() -> Iterator[None]:
    """What these tests do to the generators stays within them."""
    before, threads = RandomState.now(), torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    before.restore()
    torch.set_num_threads(threads)


def seed_all(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def draw() -> list[float]:
    """Numbers from every generator; an odd count of normal ones leaves one waiting in NumPy's and Python's."""
    numbers = [*torch.rand(3).tolist(), *torch.randn(3).tolist(), *np.random.rand(2), *np.random.randn(3)]
    return [*numbers, random.random(), random.gauss(0, 1)]


def disturb(model: torch.nn.Module, seed: int, *, fails: bool = False) -> None:
    """What a metric or a library may do: reseed everything, draw, leave the model in another mode, and fail."""
    draw()
    seed_all(seed)
    draw()
    model.train(not model.training)
    for module in model.children():
        module.train(not module.training)
    if fails:
        raise KeyError("inside")


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_generators_go_on_where_they_were(training: bool, fails: bool) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout()).train(training)
    seed_all(3)
    draw()
    expected = draw(), draw()

    seed_all(3)
    draw()
    expectation: AbstractContextManager[Any] = pytest.raises(KeyError, match="inside") if fails else nullcontext()
    with expectation, undisturbed(model):
        disturb(model, 1, fails=fails)
    found = [draw()]
    with undisturbed(model):
        disturb(model, 2)
    found.append(draw())
    assert tuple(found) == expected
    assert [module.training for module in model.modules()] == [training] * 3


def test_a_state_is_restored_as_often_as_one_likes() -> None:
    seed_all(5)
    state = RandomState.now()
    expected = draw()
    for seed in (1, 2):
        seed_all(seed)
        state.restore()
        assert draw() == expected


def test_the_train_stream_differs_by_seed_and_by_process() -> None:
    drawn = []
    for seed, rank in ((0, 0), (0, 1), (1, 0), (0, 0)):
        torch.manual_seed(1234)
        seed_training(seed, rank)
        drawn.append(torch.rand(4).tolist())
    assert drawn[0] == drawn[3]
    assert len({tuple(numbers) for numbers in drawn}) == 3


def test_what_is_looked_at_between_steps_does_not_change_the_training(lm: CausalLM, examples: ExampleSet) -> None:
    for block in lm.model.model.layers:
        block.self_attn.attention_dropout = 0.5
    encoded = encode(examples, lm.tokenizer, 64)
    begin = {name: value.clone() for name, value in lm.model.state_dict().items()}
    losses = []
    for seeds in ((), (1, 2), (3, 4)):
        lm.model.load_state_dict(begin)
        seed_training(0, 0)
        trainer = Trainer(lm, encoded, 3, TrainingTable(), RunTable(), World())
        losses.append([trainer.step(np.arange(16)).loss])
        for seed in seeds:
            with undisturbed(lm.model):
                disturb(lm.model, seed)
        losses[-1] += [trainer.step(np.arange(16)).loss, trainer.step(np.arange(16)).loss]
        assert not lm.model.training
    assert losses[0] == losses[1] == losses[2]
