"""Which cells of a plan are run, in which order: decided here alone, for `plan` to show and for `run` to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zsg_harness.plan.build import Plan
from zsg_harness.plan.cell import Cell
from zsg_harness.plan.compare import compare_with_store
from zsg_harness.plan.filter import choose
from zsg_harness.plan.past import finished_cells, past_rates
from zsg_harness.plan.schedule import Order, in_order
from zsg_harness.store.store import Store


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a plan is asked for.

    Attributes:
        filters: Only the cells that match (see `zsg_harness.plan.filter`).
        excludes: And not those that match one of these.
        order: In which order.
        retry_failed: Of the cells to be run, only those that failed before.
    """

    filters: Sequence[str] = ()
    excludes: Sequence[str] = ()
    order: Order = "matrix"
    retry_failed: bool = False


def decide(plan: Plan, store: Store, wanted: Wanted) -> list[Cell]:
    """The cells that are asked for, each with what is to be done about it and why, in the order in which they run.

    Raises:
        ZsgError: A filter is malformed, or leaves nothing.
    """
    cells = compare_with_store(choose(plan.cells, wanted.filters, wanted.excludes), store)
    if wanted.retry_failed:
        cells = [cell for cell in cells if cell.state != "run" or cell.cause == "failed"]
    if wanted.order == "matrix":
        return cells
    return in_order(cells, wanted.order, past_rates(finished_cells(cells, store), store).of)
