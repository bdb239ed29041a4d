"""What metrics of generated answers share."""

from __future__ import annotations

from collections.abc import Iterator

from zsg_registry import ContractError, MetricBatch


def answers(batch: MetricBatch, metric: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each generated answer with the answers that are acceptable.

    Raises:
        ContractError: The batch has no generations.
    """
    if batch.generations is None:
        raise ContractError(f"the metric {metric!r} requires generations, and the batch has none")
    return zip(batch.generations, batch.reference_lists(), strict=True)
