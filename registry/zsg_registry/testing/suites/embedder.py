"""The suite of embedders."""

from __future__ import annotations

import pickle
import tempfile
from collections import defaultdict
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from zsg_registry.components import Kind, Need
from zsg_registry.context import ModelHandle, Role
from zsg_registry.embedder import Embedder, EncodedBlock, TextEmbedder
from zsg_registry.errors import ContractError, ZsgError
from zsg_registry.examples import VIEWS, Access, ExampleSet, View
from zsg_registry.testing.embed_context import NaiveEmbedContext
from zsg_registry.testing.model import tiny_model
from zsg_registry.testing.suites.checks import fault, not_applicable, told
from zsg_registry.testing.suites.component import ComponentSuite, runs_here
from zsg_registry.testing.suites.elsewhere import global_seeds, in_another_process, threads
from zsg_registry.testing.suites.scenes import awkward, ordinary

_TOLERANCE: Final = 1e-4
"""Of a vector's length: what another batch or another number of threads may move it by."""
_LONG: Final = 3000

E = TypeVar("E", bound=Embedder)
Vectors = NDArray[np.float32]


class Embedded(NamedTuple):
    """The blocks that an encoder yielded, and how many texts it says it cut; None where it does not say."""

    blocks: list[Any]
    truncated: int | None

    @property
    def vectors(self) -> Vectors:
        """All blocks together."""
        return np.concatenate([np.asarray(block, dtype=np.float32) for block in self.blocks])


class EmbedderSuite(ComponentSuite[E]):
    """What an embedder promises. A subclass gives the fixture `component`.

    `examples` and `pool` may be overridden: what is embedded, and what a fitted embedder is fitted to.
    """

    kind: ClassVar[Kind] = "embedder"

    def examples(self) -> ExampleSet:
        """What is embedded: examples whose words the pool has too."""
        return self.pool().take(range(0, 40, 3))

    def pool(self) -> ExampleSet:
        """What a fitted embedder is fitted to."""
        return ordinary().pool

    def test_works_on_ordinary_data(self, component: E) -> None:
        """It raises nothing on ordinary examples, and uses only what it declares."""
        runs_here(component)
        for view in VIEWS:
            try:
                embedded(component, self.examples(), self.pool(), view=view)
            except ContractError as error:
                fault(f"view {view!r}: {error}: declare in needs what it uses, and read the view's text alone")
            except Exception as error:
                fault(f"view {view!r}: encode() raises on ordinary examples: {told(error)}")

    def test_yields_float32_vectors_of_one_length(self, component: E) -> None:
        """Blocks are float32 `[b, d]` with one d, and there is a vector for each example, in order."""
        found = self._found(component)
        for block in found.blocks:
            if not isinstance(block, np.ndarray) or block.dtype != np.float32:
                kind = f"{block.dtype} array" if isinstance(block, np.ndarray) else type(block).__name__
                fault(f"a block is a {kind}: yield float32 NumPy arrays, or EncodedBlocks of them")
            if block.ndim != 2 or block.shape[1:] != found.blocks[0].shape[1:] or not block.shape[1]:
                fault(f"a block has the shape {list(block.shape)}: yield blocks [b, d] with one d for all")
        count, wanted = sum(map(len, found.blocks)), len(self.examples())
        if count != wanted:
            fault(f"{count} vectors came for {wanted} examples: yield one for each, in their order")

    def test_vectors_have_a_direction(self, component: E) -> None:
        """No vector of an ordinary example is zero or not a number: it would have no cosine."""
        vectors = self._vectors(component)
        unusable = np.flatnonzero(~(np.isfinite(vectors).all(axis=1) & vectors.any(axis=1)))
        if len(unusable):
            fault(f"the vector of example {unusable[0]} is zero or not a number: give every text a direction")

    def test_a_vector_depends_on_its_example_alone(self, component: E) -> None:
        """What an example is batched with, and in which order, does not matter."""
        vectors, examples = self._vectors(component), self.examples()
        backwards = np.arange(len(examples))[::-1]
        for positions in (backwards, backwards[:1], backwards[2:5]):
            other = self._vectors(component, examples.take(positions))
            if _far(vectors[positions], other):
                fault("a vector changed with what it was batched with: go by each text alone, and mask the padding")

    def test_is_the_same_at_every_call(self, component: E) -> None:
        """The same object, and a new one, give the same vectors."""
        vectors = self._vectors(component)
        for seed, each in enumerate((component, type(component)(component.params))):
            with global_seeds(seed):
                again = self._vectors(each)
            if not np.array_equal(vectors, again, equal_nan=True):
                fault(
                    "two calls gave different vectors: draw from context.rng alone, switch dropout off, keep no state"
                )

    def test_is_the_same_in_another_process(self, component: E) -> None:
        """A process with other string hashes gives the same vectors, but for rounding."""
        vectors = self._vectors(component)
        try:
            pickle.dumps(component)
        except Exception:
            not_applicable("it cannot be pickled, which another check tells of")
        fresh = type(component)(component.params)
        if _far(vectors, in_another_process(_elsewhere, fresh, self.examples(), self.pool())):
            fault("another process gave other vectors: do not go by hash(), sets or the environment")

    def test_is_the_same_with_any_number_of_threads(self, component: E) -> None:
        """One thread and three give the same vectors, but for rounding."""
        vectors = self._vectors(component)
        for count in (1, 3):
            with threads(count):
                if _far(vectors, self._vectors(component)):
                    fault(f"{count} threads gave other vectors: let nothing depend on how work is split up")

    def test_goes_by_the_pool_only_if_fitted(self, component: E) -> None:
        """An embedder that is not `fitted` has vectors for any pool: they are cached for all."""
        if component.fitted:
            not_applicable("it is fitted to the pool")
        pool = self.pool()
        other = self._vectors(component, pool=pool.take([len(pool) - 1]))
        if _far(self._vectors(component), other):
            fault("another pool gave other vectors: say fitted = True, or leave context.pool alone")

    def test_goes_by_the_text_alone(self, component: E) -> None:
        """The vector of a `TextEmbedder` is the same in whichever role the text comes."""
        if not isinstance(component, TextEmbedder):
            not_applicable("it is no TextEmbedder, and may go by roles")
        if _far(self._vectors(component), self._vectors(component, role="query")):
            fault("the role made a difference: a TextEmbedder goes by the text alone; subclass Embedder to go by roles")

    def test_needs_no_answers_for_prompts(self, component: E) -> None:
        """The vectors of prompts are the same where the answers are withheld."""
        views: tuple[View, ...] = ("prompt", "instruction")
        for view in views:
            whole = self._vectors(component, role="query", view=view)
            try:
                shown = self.examples().restrict(Access.PROMPTS)
                found = embedded(component, shown, self.pool(), role="query", view=view)
            except Exception as error:
                fault(f"without answers the view {view!r} raises {told(error)}: read nothing but the view's text")
            if _far(whole, found.vectors):
                fault(f"with and without answers the view {view!r} has other vectors: read nothing but the view's text")

    def test_tells_what_it_cuts(self, component: E) -> None:
        """How many texts were not read to their end is told, where some are not."""
        if Need.MODEL in component.needs and not isinstance(component, TextEmbedder):
            not_applicable("it reads what the harness has cut")
        short = self._found(component).truncated
        if short:
            fault(f"it tells that {short} ordinary texts were cut: count those that are not read to their end")
        words = " ".join(f"word{n % 23}" for n in range(_LONG))
        ends = [f"{words} count add sort", f"{words} spell translate word1"]
        examples = ExampleSet.from_examples(
            replace(example, prompt=text) for example, text in zip(self.pool().take([0, 1]), ends, strict=True)
        )
        long = self._found(component, examples, view="prompt")
        is_cut = not _far(long.vectors[:1], long.vectors[1:])
        if is_cut and not long.truncated:
            fault(
                f"the end of {_LONG} words makes no difference, and it does not tell: yield EncodedBlock(…, truncated)"
            )

    def test_leaves_the_base_model_as_it_was(self, component: E) -> None:
        """Only a fresh copy of the base model may be trained."""
        if Need.MODEL not in component.needs:
            not_applicable("it needs no model")
        self._vectors(component)
        context = context_of(component, self.pool())
        for _ in component.fit(context).encode(self.examples(), "pool", "both"):
            pass
        if _weights(context.model()) != _weights(tiny_model()):
            fault("it changed the base model, which others use too: train context.model(fresh=True)")

    def test_copes_with_awkward_data(self, component: E) -> None:
        """Tiny pools, empty and foreign texts give finite vectors, or a `ZsgError` that says what is wrong."""
        self._vectors(component)
        for name, scene in awkward().items():
            try:
                vectors = embedded(component, scene.query, scene.pool, role="query").vectors
            except Exception as error:
                if isinstance(error, ZsgError) and not isinstance(error, ContractError):
                    continue
                fault(f"{name}: {told(error)}; give vectors, or raise a ZsgError that says what is wrong")
            if len(vectors) != len(scene.query) or not np.isfinite(vectors).all():
                fault(f"{name}: {len(vectors)} vectors for {len(scene.query)} examples, or one that is not finite")

    def _found(self, component: E, examples: ExampleSet | None = None, **options: Any) -> Embedded:
        """What it yields, where it yields something: that it does is a check of its own."""
        runs_here(component)
        pool = options.pop("pool", None) or self.pool()
        try:
            return embedded(component, examples or self.examples(), pool, **options)
        except Exception as error:
            not_applicable(f"it raised {type(error).__name__}, which another check tells of")

    def _vectors(self, component: E, examples: ExampleSet | None = None, **options: Any) -> Vectors:
        found = self._found(component, examples, **options)
        wanted = len(examples or self.examples())
        try:
            vectors = found.vectors
        except (TypeError, ValueError):
            vectors = np.empty(0, dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != wanted:
            not_applicable("it yields other things than vectors, which another check tells of")
        return vectors


def embedded(
    component: Embedder, examples: ExampleSet, pool: ExampleSet, *, role: Role = "pool", view: View = "both"
) -> Embedded:
    """What an embedder that was fitted to a pool makes of some examples."""
    blocks: list[Any] = []
    told_of: list[int | None] = []
    for block in component.fit(context_of(component, pool)).encode(examples, role, view):
        is_told = isinstance(block, EncodedBlock)
        blocks.append(block.vectors if is_told else block)  # type: ignore[union-attr]
        told_of.append(block.truncated if is_told else None)  # type: ignore[union-attr]
    counts = [count for count in told_of if count is not None]
    return Embedded(blocks, sum(counts) if len(counts) == len(told_of) else None)


def context_of(component: Embedder, pool: ExampleSet) -> NaiveEmbedContext:
    """A context that allows what an embedder declares; every model is the tiny one."""
    return NaiveEmbedContext.of(component, pool, folder(), model=tiny_model, others=defaultdict(lambda: tiny_model))


def folder() -> Path:
    """A folder for downloads, until the process ends."""
    return Path(_temporary().name)


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="zsg-suites-")


def _elsewhere(component: Embedder, examples: ExampleSet, pool: ExampleSet) -> Vectors:
    return embedded(component, examples, pool).vectors


def _weights(handle: ModelHandle) -> list[bytes]:
    return [weight.detach().numpy().tobytes() for weight in handle.model.state_dict().values()]


def _far(one: Vectors, other: Vectors) -> bool:
    """Whether vectors differ by more than rounding."""
    if one.shape != other.shape:
        return True
    lengths = np.maximum(np.linalg.norm(one, axis=1), np.linalg.norm(other, axis=1))
    return bool((np.abs(one - other).max(axis=1) > _TOLERANCE * np.maximum(lengths, 1e-12)).any())
