"""A cell, explained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import pyarrow as pa

from zsg_harness.explain.consumed import Consumed, read_consumed
from zsg_harness.explain.hubness import Hubness, hubness
from zsg_harness.explain.jumps import Jump, explain_jump
from zsg_harness.explain.lag import LAGS
from zsg_harness.explain.mix import Mix, mix
from zsg_harness.explain.similarity import both_vectors, correlations, mean_correlations, similarity_table
from zsg_harness.explain.vectors import choose_embedder, vector_source
from zsg_harness.plan.cell import Cell
from zsg_harness.reports.dynamics import cell_dynamics
from zsg_harness.reports.transitions import Kind
from zsg_harness.services.cached_vectors import OnProgress
from zsg_harness.store.store import Store
from zsg_registry import Registry

_MOST_JUMPS: Final = 20

SIGHT: Final[Mapping[str, str]] = {
    "none": "saw nothing of the unseen tasks",
    "prompts": "saw prompts of the unseen tasks",
    "answers": "saw prompts and answers of the unseen tasks",
}
"""What an arrangement saw, by its access."""
ORACLE: Final = "the scored examples themselves (oracle)"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a cell's losses went as they did.

    Attributes:
        embedder: What distances and similarities are by.
        consumed: The cell, its receipt and its curves.
        kinds: The kind of each task's loss curve.
        jumps: Its greatest sudden drops, each with what came before it.
        similarity: The distances beside the losses, as `similarity.parquet` has them.
        correlations: By measure and task, how the changes of losses follow those of distances, by lag.
        hubness: Of the neighbourhoods of the query, or where it is empty of the scored examples.
        tasks, sources: What was trained on when.
    """

    cell: Cell
    embedder: str
    consumed: Consumed
    kinds: Mapping[str, Kind]
    jumps: Sequence[Jump]
    similarity: pa.Table
    correlations: Mapping[str, dict[str, list[float | None]]]
    hubness: Hubness
    tasks: Mix
    sources: Mix

    @property
    def sight(self) -> str:
        """What the arrangement saw of the unseen tasks, in a line."""
        seen = SIGHT[self.cell.access]
        return f"{seen}: {ORACLE}" if self.cell.data.oracle and self.cell.access != "none" else seen

    def document(self) -> dict[str, Any]:
        """As plain JSON; the curves of distances are in `similarity.parquet`."""
        return {
            "cell_id": self.cell.cell_id,
            **self.cell.labels.model_dump(),
            "access": str(self.cell.access),
            "oracle": self.cell.data.oracle,
            "explained_by": self.embedder,
            "kinds": dict(self.kinds),
            "jumps": [jump.document() for jump in self.jumps],
            "lags": list(LAGS),
            "correlations": {
                measure: {"mean": mean_correlations(by_task), "tasks": by_task}
                for measure, by_task in self.correlations.items()
            },
            "hubness": asdict(self.hubness),
            "task_mix": asdict(self.tasks),
            "source_mix": asdict(self.sources),
        }


def explain(
    store: Store,
    cell: Cell,
    others: Iterable[Cell],
    registry: Registry,
    *,
    embedder: str | None = None,
    offline: bool,
    on_progress: OnProgress | None = None,
) -> Explanation:
    """Explain a finished cell.

    Args:
        store: Where it is.
        cell: The cell.
        others: All cells of the store, for an embedder where it has none.
        registry: The installed plugins.
        embedder: What distances and similarities are by; None for the cell's own, or its neighbours'.
        offline: Whether the network must not be used.
        on_progress: Told how far the embedding is.

    Raises:
        ZsgError: The cell is not finished, its data cannot be loaded, or there is no embedder.
    """
    choice = choose_embedder(cell, others, embedder, registry)
    consumed = read_consumed(store, cell, registry, offline=offline)
    source = vector_source(choice, cell, consumed.roles, store.cache, offline=offline, on_progress=on_progress)
    pool, scored = both_vectors(consumed, source)
    query = consumed.roles.query
    queries = source.vectors(query, "query", "both") if len(query) else scored
    table = similarity_table(consumed, source, store.cache)
    found = cell_dynamics([consumed.curves])[cell.cell_id]
    drops = sorted(found.drops, key=lambda drop: -drop.fall)[:_MOST_JUMPS]
    return Explanation(
        cell=cell,
        embedder=choice.label,
        consumed=consumed,
        kinds=found.kinds,
        jumps=[explain_jump(consumed, drop, pool, scored) for drop in drops],
        similarity=table,
        correlations=correlations(table),
        hubness=hubness(pool, queries, consumed.roles.pool.ids),
        tasks=mix(consumed, "task"),
        sources=mix(consumed, "source"),
    )
