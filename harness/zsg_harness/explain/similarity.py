"""The similarity-distance curves of a cell beside its loss curves, as one tidy table."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zsg_harness.explain.bigrams import divergences
from zsg_harness.explain.consumed import Consumed
from zsg_harness.explain.distances import MEASURES as OF_VECTORS
from zsg_harness.explain.distances import distances
from zsg_harness.explain.lag import LAGS, lagged_correlations
from zsg_harness.identity import identity
from zsg_harness.services.embedder_pipe import KeyedSource
from zsg_harness.store.atomic import write_bytes
from zsg_harness.store.cache import Cache
from zsg_harness.store.formats import parquet_bytes, parquet_table

MEASURES: Final = (*OF_VECTORS, "kl")
SIMILARITY: Final = pa.schema(
    [
        ("step", pa.int32()),
        ("task", pa.string()),
        ("measure", pa.string()),
        ("distance", pa.float64()),
        ("loss", pa.float64()),
    ]
)
"""`similarity.parquet`: how far a task is from what was consumed by a step, and its loss then; nothing was consumed by
step 0, where the distance is null."""

_REVISION: Final = 1


def both_vectors(consumed: Consumed, source: KeyedSource) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The vectors of the pool, and those of the scored examples, of prompts and answers together as in the paper."""
    return source.vectors(consumed.roles.pool, "pool", "both"), source.vectors(consumed.scored, "query", "both")


def similarity_table(consumed: Consumed, source: KeyedSource, cache: Cache) -> pa.Table:
    """The nine distances of every task at every evaluation, from the cache if they were computed before."""
    keys = [source.key(consumed.roles.pool, "pool", "both"), source.key(consumed.scored, "query", "both")]
    own = {"order": consumed.status["order_hash"], "losses": consumed.curves.losses.tolist()}
    asked = {"revision": _REVISION, "cell": consumed.cell.cell_id, "vectors": keys, **own}
    name = f"similarity/{identity(asked)}.parquet"
    path = cache.path(name)
    if not cache.holds(name):
        write_bytes(path, parquet_bytes(_compute(consumed, source)))
        cache.publish(name)
    return parquet_table(path.read_bytes(), str(path))


def correlations(table: pa.Table) -> dict[str, dict[str, list[float | None]]]:
    """By measure and task the correlations of `lagged_correlations`, one for each lag; null where there is none."""
    found: dict[str, dict[str, list[float | None]]] = {}
    frame = table.to_pandas()
    for (measure, task), rows in frame.groupby(["measure", "task"], sort=False):
        own = rows.sort_values("step")
        values = lagged_correlations(own["distance"].to_numpy(), own["loss"].to_numpy())
        found.setdefault(str(measure), {})[str(task)] = [None if np.isnan(value) else value for value in values]
    return found


def mean_correlations(by_task: dict[str, list[float | None]]) -> list[float | None]:
    """Of each lag the mean over the tasks that have a correlation."""
    lags = [[values[lag] for values in by_task.values()] for lag in range(len(LAGS))]
    known = [[value for value in values if value is not None] for values in lags]
    return [sum(values) / len(values) if values else None for values in known]


def _compute(consumed: Consumed, source: KeyedSource) -> pa.Table:
    pool, scored = both_vectors(consumed, source)
    curves, counts = consumed.curves, consumed.counts()
    task_of, tasks = consumed.scored.codes("task")
    of_vectors = distances(pool, consumed.rows, counts, scored, task_of)
    texts = np.array(consumed.scored.texts(), dtype=object)
    own = [texts[task_of == number].tolist() for number in range(len(tasks))]
    of_texts = divergences(lambda part: consumed.roles.pool.take(consumed.rows[part]).texts(), counts, own)
    places = [tasks.index(task) for task in curves.tasks]
    values = np.concatenate([of_vectors, of_texts[None]])[:, places]
    shape = values.shape
    columns = {
        "step": np.broadcast_to(curves.steps, shape).ravel(),
        "task": np.broadcast_to(np.array(curves.tasks, dtype=object)[:, None], shape).ravel(),
        "measure": np.repeat(np.array(MEASURES, dtype=object), shape[1] * shape[2]),
        "distance": values.ravel(),
        "loss": np.broadcast_to(curves.losses, shape).ravel(),
    }
    return pa.table({name: pa.array(column, from_pandas=True) for name, column in columns.items()}).cast(SIMILARITY)
