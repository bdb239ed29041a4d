"""The processes that train one cell together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

_BUCKET: Final = 2**24
"""Numbers that are summed over processes at once."""


@dataclass(frozen=True, slots=True)
class World:
    """One of `size` processes that do the same steps, each with a share of every step's rows.

    Attributes:
        rank: Which of them this is, from 0.
        size: How many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that speaks and writes for all."""
        return self.rank == 0

    def share(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """This process's part of a step: every `size`-th row. A short step may leave some without any."""
        return rows[self.rank :: self.size]

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Give every process the sum of all gradients; one that has none joins with zeros."""
        if self.size == 1:
            return
        for bucket in _buckets(parameters):
            for parameter in bucket:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
            gradients = [parameter.grad for parameter in bucket if parameter.grad is not None]
            flat = torch.cat([gradient.flatten() for gradient in gradients])
            dist.all_reduce(flat)
            for gradient, part in zip(gradients, flat.split([each.numel() for each in gradients]), strict=True):
                gradient.copy_(part.view_as(gradient))

    def gather(self, thing: Any) -> list[Any]:
        """What each process has, by rank, in every process. Only plain data: it is pickled among ourselves."""
        if self.size == 1:
            return [thing]
        gathered: list[Any] = [None] * self.size
        dist.all_gather_object(gathered, thing)
        return gathered

    def agree(self, thing: Any) -> Any:
        """What the first process has."""
        return self.gather(thing)[0] if self.size > 1 else thing


def join_world(device: torch.device) -> World:
    """Join the processes that a launcher (torchrun) started together, or be alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return World()
    from accelerate import PartialState

    state = PartialState(cpu=device.type == "cpu")
    return World(state.process_index, state.num_processes)


def _buckets(parameters: Iterable[torch.nn.Parameter]) -> Iterator[list[torch.nn.Parameter]]:
    """Parameters of one type in groups of bounded size."""
    bucket: list[torch.nn.Parameter] = []
    for parameter in parameters:
        full = sum(own.numel() for own in bucket) + parameter.numel() > _BUCKET
        if bucket and (full or parameter.dtype != bucket[0].dtype):
            yield bucket
            bucket = []
        bucket.append(parameter)
    if bucket:
        yield bucket
