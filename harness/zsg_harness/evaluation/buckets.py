"""Examples of like length go through the model together; processes share these buckets out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.tokens.batches import token_budget
from zsg_harness.training.memory import MemoryBudget
from zsg_harness.training.world import World

Rows = NDArray[np.int64]
_Result = TypeVar("_Result")


def in_buckets(
    lm: CausalLM,
    lengths: NDArray[np.int64],
    rows: Rows,
    budget: int,
    world: World,
    work: Callable[[Rows], _Result],
    *,
    packed: bool = False,
) -> Iterator[tuple[Rows, _Result]]:
    """Do something with examples, bucket by bucket; in smaller parts where memory runs out.

    The buckets depend on lengths alone, however many processes share them out. Every process gets all results.

    Args:
        lm: The model that is worked with.
        lengths: Tokens of every example.
        rows: Which examples.
        budget: Tokens of a bucket: with the padding, unless they are packed.
        world: Who shares the buckets out; each process calls this with the same arguments.
        work: What is done with a bucket's rows, longest first.
        packed: Whether buckets are laid out without padding.

    Yields:
        Rows, and what came of them.
    """
    buckets = list(token_budget(lengths, rows, budget, packed=packed))
    own = buckets[world.rank :: world.size]
    if lm.sharded:  # all must make as many passes
        own += buckets[:1] * (math.ceil(len(buckets) / world.size) - len(own))
    memory = MemoryBudget(budget, fixed=lm.sharded)

    def in_parts(bucket: Rows, tokens: int) -> list[tuple[Rows, _Result]]:
        return [(part, work(part)) for part in token_budget(lengths, bucket, tokens, packed=packed)]

    done = [memory.run(partial(in_parts, bucket)) for bucket in own]
    for found in world.gather(done):
        for parts in found:
            yield from parts
