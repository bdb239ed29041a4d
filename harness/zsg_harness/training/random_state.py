"""The state of all random generators that a library might draw from."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from zsg_registry import stream_seed


@dataclass(frozen=True, slots=True)
class RandomState:
    """The generators of torch (on every device), NumPy and Python.

    Attributes:
        cpu: torch's of the CPU, uint8.
        devices: torch's of each GPU, uint8.
        numpy: As `numpy.random.get_state` gives it.
        python: As `random.getstate` gives it.
    """

    cpu: torch.Tensor
    devices: list[torch.Tensor]
    numpy: Any
    python: Any

    @classmethod
    def now(cls) -> RandomState:
        """The state as it is."""
        devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return cls(torch.get_rng_state(), devices, np.random.get_state(), random.getstate())

    def restore(self) -> None:
        """Make it so again."""
        torch.set_rng_state(self.cpu)
        if self.devices:
            torch.cuda.set_rng_state_all(self.devices)
        np.random.set_state(self.numpy)
        random.setstate(self.python)


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
