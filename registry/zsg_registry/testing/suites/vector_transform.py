"""The suite of vector transforms."""

from __future__ import annotations

from typing import Any, ClassVar, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from zsg_registry.components import Kind
from zsg_registry.embedder import VectorTransform
from zsg_registry.errors import ContractError, ZsgError
from zsg_registry.testing.suites.checks import fault, not_applicable, told
from zsg_registry.testing.suites.component import ComponentSuite, runs_here
from zsg_registry.testing.suites.elsewhere import global_seeds, in_another_process, threads

_ROWS: Final = 60
_DIMENSIONS: Final = 6
_TOLERANCE: Final = 1e-4

V = TypeVar("V", bound=VectorTransform)
Vectors = NDArray[np.float32]


class VectorTransformSuite(ComponentSuite[V]):
    """What a vector transform promises. A subclass gives the fixture `component`; `vectors` may be overridden."""

    kind: ClassVar[Kind] = "vector-transform"

    def vectors(self) -> Vectors:
        """The pool's vectors, to which it is fitted, and which it transforms."""
        return (1 + np.random.default_rng(0).normal(size=(_ROWS, _DIMENSIONS))).astype(np.float32)

    def test_works_on_ordinary_data(self, component: V) -> None:
        """It raises nothing on ordinary vectors."""
        runs_here(component)
        try:
            transformed(component, self.vectors())
        except Exception as error:
            if "read-only" not in str(error):
                fault(f"it raises on ordinary vectors: {told(error)}")

    def test_gives_float32_vectors(self, component: V) -> None:
        """A block [b, d] becomes float32 [b, e]."""
        found: object = self._transformed(component)
        if not isinstance(found, np.ndarray) or found.dtype != np.float32:
            kind = f"{found.dtype} array" if isinstance(found, np.ndarray) else type(found).__name__
            fault(f"a block became a {kind}: return float32 NumPy arrays, as vectors.astype(np.float32) does")
        if found.ndim != 2 or len(found) != _ROWS or not found.shape[1]:
            fault(f"{_ROWS} vectors became an array of the shape {list(found.shape)}: return [b, e], one row for each")
        if not np.isfinite(found).all():
            fault("a vector is not finite: do not divide by what may be zero")

    def test_a_vector_depends_on_itself_alone(self, component: V) -> None:
        """What a vector is in a block with does not matter."""
        found = self._rows(component)
        for rows in (np.arange(_ROWS)[::-1], np.array([7]), np.arange(3, 9)):
            if _far(found[rows], self._transformed(component, self.vectors()[rows])):
                fault("a vector changed with the block it was in: learn from the pool in fit(), not from blocks")

    def test_is_the_same_at_every_call(self, component: V) -> None:
        """The same object, and a new one, give the same vectors."""
        found = self._transformed(component)
        for seed, each in enumerate((component, type(component)(component.params))):
            with global_seeds(seed):
                again = self._transformed(each)
            if not np.array_equal(found, again, equal_nan=True):
                fault("two calls gave different vectors: use no generator without a fixed seed, and keep no state")

    def test_is_the_same_in_another_process(self, component: V) -> None:
        """A process with other string hashes gives the same vectors, but for rounding."""
        found = self._transformed(component)
        fresh = type(component)(component.params)
        if _far(found, in_another_process(transformed, fresh, self.vectors())):
            fault("another process gave other vectors: do not go by hash(), sets or the environment")

    def test_is_the_same_with_any_number_of_threads(self, component: V) -> None:
        """One thread and three give the same vectors, but for rounding."""
        found = self._transformed(component)
        for count in (1, 3):
            with threads(count):
                if _far(found, self._transformed(component)):
                    fault(f"{count} threads gave other vectors: let nothing depend on how work is split up")

    def test_leaves_its_input_as_it_was(self, component: V) -> None:
        """The pool's vectors are a file that others read, and a block is used again."""
        runs_here(component)
        pool, block = self.vectors(), self.vectors()
        try:
            transformed(component, pool, block, read_only=False)
            transformed(component, pool)
        except Exception as error:
            if "read-only" in str(error):
                fault(f"it writes into vectors that are read-only: {told(error)}; work on a copy")
        if not np.array_equal(pool, self.vectors()) or not np.array_equal(block, self.vectors()):
            fault("it changed the vectors it was given: work on a copy")

    def test_copes_with_awkward_data(self, component: V) -> None:
        """Few, equal and many-dimensional vectors give vectors, or a `ZsgError` that says what is wrong."""
        self._rows(component)
        vectors = self.vectors()
        pools = {
            "a pool of one vector": vectors[:1],
            "a pool of two vectors": vectors[:2],
            "vectors that are all the same": np.repeat(vectors[:1], 9, axis=0),
            "more dimensions than vectors": np.tile(vectors[:4], (1, 5)),
            "vectors of one dimension": vectors[:, :1],
        }
        for name, pool in pools.items():
            try:
                found = transformed(component, pool)
            except Exception as error:
                if isinstance(error, ZsgError) and not isinstance(error, ContractError):
                    continue
                fault(f"{name}: {told(error)}; give vectors, or raise a ZsgError that says what is wrong")
            if found.ndim != 2 or len(found) != len(pool) or not np.isfinite(found).all():
                fault(f"{name}: the result has the shape {list(found.shape)}, or a value that is not finite")

    def _transformed(self, component: V, block: Vectors | None = None) -> Vectors:
        """What it makes of the vectors, where it makes something: that it does is a check of its own."""
        runs_here(component)
        try:
            return transformed(component, self.vectors(), block)
        except Exception as error:
            not_applicable(f"it raised {type(error).__name__}, which another check tells of")

    def _rows(self, component: V) -> Vectors:
        found: Any = self._transformed(component)
        if getattr(found, "ndim", 0) != 2 or len(found) != _ROWS:
            not_applicable("it gives other things than vectors, which another check tells of")
        rows: Vectors = found
        return rows


def transformed(
    component: VectorTransform, pool: Vectors, block: Vectors | None = None, read_only: bool = True
) -> Vectors:
    """What a transform that was fitted to a pool makes of a block; by default of the pool itself."""
    pool.flags.writeable = not read_only
    return component.fit(pool)(pool if block is None else block)


def _far(one: Vectors, other: Vectors) -> bool:
    return one.shape != other.shape or not np.allclose(one, other, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True)
