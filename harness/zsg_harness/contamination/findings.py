"""What the guard found: which evaluation examples the pool has too, and how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zsg_registry import ExampleSet

PAIR: Final = np.dtype([("evaluated", np.int64), ("pooled", np.int64), ("kind", np.int8), ("similarity", np.float64)])
"""An evaluation example and a pool example, by position."""

TABLE: Final = pa.schema(
    [
        ("example_id", pa.string()),
        ("task", pa.string()),
        ("kind", pa.string()),
        ("pool_id", pa.string()),
        ("pool_task", pa.string()),
        ("similarity", pa.float64()),
    ]
)
"""`contamination.parquet`: a scored example and an example of the pool, before anything was dropped from it."""


class Kind(IntEnum):
    """How two examples are the same, the surest first."""

    EXACT = 0
    SAME_WORDS = 1
    SAME_PROMPT = 2
    NEAR = 3
    SIMILAR = 4

    @property
    def label(self) -> str:
        """What tables and reports call it."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class Findings:
    """The pairs of a pool and an evaluation set that are the same in some way, each once, by its surest kind.

    Attributes:
        pairs: A `PAIR` for each, ordered by evaluation example, kind and pool example.
    """

    pairs: NDArray[np.void]

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int, Kind, float]]) -> Findings:
        """Sort pairs, and leave out those that are there by a surer kind."""
        listed = np.array(list(pairs), PAIR)
        listed = listed[np.lexsort((listed["kind"], listed["pooled"], listed["evaluated"]))]
        _, first = np.unique(listed[["evaluated", "pooled"]], return_index=True)
        listed = listed[first]
        return cls(listed[np.lexsort((listed["pooled"], listed["kind"], listed["evaluated"]))])

    @property
    def proven(self) -> Findings:
        """Those that the texts themselves show, and no embedder had to say: alike for all cells of a block."""
        return Findings(self.pairs[self.pairs["kind"] < Kind.SIMILAR])

    @property
    def evaluated(self) -> NDArray[np.int64]:
        """The evaluation examples among them, ascending."""
        return np.unique(self.pairs["evaluated"])

    @property
    def pooled(self) -> NDArray[np.int64]:
        """The pool examples among them, ascending."""
        return np.unique(self.pairs["pooled"])

    def of_rest(self, dropped: NDArray[np.int64]) -> Findings:
        """Those of pool examples that were not dropped."""
        return Findings(self.pairs[~np.isin(self.pairs["pooled"], dropped)])

    def surest(self) -> dict[int, Kind]:
        """The surest kind of each evaluation example among them."""
        first = np.unique(self.pairs["evaluated"], return_index=True)
        return {int(place): Kind(self.pairs["kind"][row]) for place, row in zip(*first, strict=True)}

    def joined(self, other: Findings) -> Findings:
        """These and others."""
        return Findings.of([*self.pairs.tolist(), *other.pairs.tolist()])

    def table(self, pool: ExampleSet, evaluated: ExampleSet) -> pa.Table:
        """The pairs by the examples' ids, as `TABLE`."""
        mine, theirs = self.pairs["evaluated"], self.pairs["pooled"]
        columns = {
            "example_id": np.array(evaluated.ids, object)[mine],
            "task": evaluated["task"][mine],
            "kind": [Kind(kind).label for kind in self.pairs["kind"]],
            "pool_id": np.array(pool.ids, object)[theirs],
            "pool_task": pool["task"][theirs],
            "similarity": self.pairs["similarity"],
        }
        return pa.table([pa.array(columns[field.name], field.type) for field in TABLE], TABLE)
