"""Embeddings that the caller brings, instead of an embedder."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zsg_harness.services.embeddings import Embedded
from zsg_registry import ContractError, ExampleSet, Role, View, ZsgError

_BLOCK: Final = 65_536


class GivenVectors:
    """A `VectorSource` that computes nothing: every view has the same vectors.

    Args:
        pool: One vector for each example of the pool, `[n, d]`. A float32 array is not copied, so that it may be
            mapped from a file.
        query: One for each example of the query, `[m, d]`; None where there is no query.
        pool_set: The pool.
        query_set: The query.

    Raises:
        ZsgError: The shapes do not fit, or a vector is zero or not a number.
    """

    def __init__(
        self, pool: ArrayLike, query: ArrayLike | None, pool_set: ExampleSet, query_set: ExampleSet | None
    ) -> None:
        self._vectors: dict[Role, NDArray[np.float32]] = {"pool": _checked(pool, pool_set, "pool")}
        if query_set is not None:
            if query is None:
                raise ZsgError("pool_embeddings were given without query_embeddings: the query needs them too")
            self._vectors["query"] = _checked(query, query_set, "query")
            columns = [vectors.shape[1] for vectors in self._vectors.values()]
            if columns[0] != columns[1]:
                raise ZsgError(f"pool_embeddings have {columns[0]} dimensions, and query_embeddings {columns[1]}")

    @property
    def embedded(self) -> tuple[Embedded, ...]:
        """Nothing."""
        return ()

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        return int(self._vectors["pool"].shape[1])

    def vectors(self, examples: ExampleSet, role: Role, view: View) -> NDArray[np.float32]:
        """The given vectors of a role, float32 `[n, d]`, read-only."""
        if role not in self._vectors:
            raise ContractError(f"no embeddings of the {role} were given")
        return self._vectors[role]

    def release(self) -> None:
        """There is no model."""


def _checked(given: ArrayLike, examples: ExampleSet, role: Role) -> NDArray[np.float32]:
    name = f"{role}_embeddings"
    if not len(examples):
        raise ZsgError(f"the {role} is empty")
    try:
        vectors = np.asarray(given, dtype=np.float32).view()
    except (TypeError, ValueError) as error:
        raise ZsgError(f"{name} are not a matrix of numbers: {error}") from None
    if vectors.ndim != 2 or len(vectors) != len(examples) or not vectors.shape[1]:
        shape = " × ".join(map(str, vectors.shape))
        raise ZsgError(f"{name} have the shape {shape}: a row is needed for each of the {role}'s {len(examples)}")
    for start in range(0, len(vectors), _BLOCK):
        norms = np.linalg.norm(vectors[start : start + _BLOCK].astype(np.float64), axis=1)
        unusable = np.flatnonzero(~np.isfinite(norms) | (norms == 0))
        if len(unusable):
            row = start + int(unusable[0])
            example = examples.take([row]).ids[0]
            raise ZsgError(f"{name}: the vector of example {example!r} (row {row}) is zero or not a number")
    vectors.flags.writeable = False
    return vectors
