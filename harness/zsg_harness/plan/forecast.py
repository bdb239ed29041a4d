"""What a plan will take: each cell's estimate and end, the work that cells share, and what fits in a length of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.build import Plan
from zsg_harness.plan.cell import Cell
from zsg_harness.plan.estimate import Estimate
from zsg_harness.plan.past import finished_cells, past_rates
from zsg_harness.plan.schedule import ends, workers_of
from zsg_harness.plan.shared import SharedWork, shared_work
from zsg_harness.store.store import Store


@dataclass(frozen=True, slots=True)
class Forecast:
    """What some cells will take.

    Attributes:
        cells: All of them, in the order in which they run.
        estimates: For each that is to be run here, if anything is known of its kind.
        ends: When each of these is through, in seconds from the start.
        shared: What is computed once for several of them.
        workers: How many run side by side.
        assumed: Whether that is a guess: with `devices = "auto"`, only the machine that runs them can tell.
    """

    cells: Sequence[Cell]
    estimates: Sequence[Estimate | None]
    ends: Sequence[float | None]
    shared: Sequence[SharedWork]
    workers: int
    assumed: bool

    @property
    def known(self) -> list[Estimate]:
        """The estimates that there are."""
        return [estimate for estimate in self.estimates if estimate is not None]

    @property
    def unknown(self) -> int:
        """How many cells are to be run here that nothing is known of."""
        return sum(map(runs_here, self.cells)) - len(self.known)

    @property
    def seconds(self) -> float:
        """When the last of the known cells is through."""
        return max((end for end in self.ends if end is not None), default=0.0)

    @property
    def tokens(self) -> int:
        """Of all known cells."""
        return sum(estimate.tokens for estimate in self.known)

    @property
    def bytes(self) -> int | None:
        """Of all known cells' files, or None if nothing tells."""
        sizes = [estimate.bytes for estimate in self.known if estimate.bytes is not None]
        return sum(sizes) if sizes else None

    @property
    def bases(self) -> list[str]:
        """What the estimates come from."""
        return list(dict.fromkeys(estimate.basis for estimate in self.known))

    def fit(self, seconds: float) -> int:
        """How many cells are through by then."""
        return sum(end is not None and end <= seconds for end in self.ends)


def foresee(
    plan: Plan, cells: Sequence[Cell], store: Store, run: RunTable, pilot: Callable[[str], None] | None = None
) -> Forecast:
    """What cells will take. Without a pilot, this reads a few files of the store and imports nothing heavy.

    Args:
        plan: Where the cells are from.
        cells: In the order in which they run.
        store: Where finished cells are.
        run: How they are run.
        pilot: Told what is timed, if what is not known from finished cells shall be.

    Raises:
        ZsgError: The pilot could not load data or model.
    """
    todo = [cell for cell in cells if runs_here(cell)]
    finished = finished_cells(cells, store) if todo else []
    estimator = past_rates(finished, store, run.save_model)
    if pilot is not None:
        from zsg_harness.plan.pilot import pilot_rates

        estimator = pilot_rates(todo, run, estimator, pilot)
    estimates = [estimator.of(cell) if runs_here(cell) else None for cell in cells]
    told = workers_of(run)
    return Forecast(
        cells=cells,
        estimates=estimates,
        ends=ends(estimates, told or 1),
        shared=shared_work(plan, cells, finished, store.cache),
        workers=told or 1,
        assumed=told is None,
    )


def runs_here(cell: Cell) -> bool:
    """Whether a cell is to be run, and not by another run."""
    return cell.state == "run" and cell.cause != "elsewhere"
