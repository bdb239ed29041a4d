"""The state of all random generators that a library might draw from."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from zsg_registry import stream_seed


@dataclass(frozen=True, slots=True)
class RandomState:
    """The generators of torch (of the CPU, and of the GPU in use), NumPy and Python.

    Attributes:
        tensors: torch's, uint8, by device type.
        numpy: As `numpy.random.get_state` gives it.
        python: As `random.getstate` gives it.
    """

    tensors: dict[str, torch.Tensor]
    numpy: Any
    python: Any

    @classmethod
    def now(cls) -> RandomState:
        """The state as it is."""
        return cls(torch_generators(), np.random.get_state(), random.getstate())

    def restore(self) -> None:
        """Make it so again."""
        restore_torch(self.tensors)
        np.random.set_state(self.numpy)
        random.setstate(self.python)


def torch_generators() -> dict[str, torch.Tensor]:
    """The states of the generators that training draws from, uint8 by device type."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def restore_torch(states: Mapping[str, torch.Tensor]) -> None:
    """Bring torch's generators into earlier states, as far as there are such devices."""
    if "cpu" in states:
        torch.set_rng_state(states["cpu"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])


def seed_training(seed: int, rank: int) -> None:
    """Seed what dropout and new adapters draw from: the train stream, one for each process."""
    torch.manual_seed(stream_seed("train", seed, rank) % 2**63)


@contextmanager
def undisturbed(model: Any) -> Iterator[None]:
    """Leave the model's mode and every generator as they were, whatever is done within: lm-eval, for one, reseeds."""
    before, was_training = RandomState.now(), model.training
    try:
        yield
    finally:
        before.restore()
        model.train(was_training)
