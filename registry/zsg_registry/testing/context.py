"""A context for arrangements and transforms that needs no harness, no model and no embedder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import log
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zsg_registry.arrangement import Arranging
from zsg_registry.components import Need
from zsg_registry.context import ArrangeContext, LossOf, Measure, ModelHandle, Role
from zsg_registry.errors import ContractError
from zsg_registry.examples import Access, ExampleSet, View
from zsg_registry.seeds import generator
from zsg_registry.testing.similarity import NaiveSimilarity


class NaiveContext(ArrangeContext):
    """Does in plain NumPy what the harness does fast, and guards what a component declared just as strictly.

    What a model would have to compute (embeddings, losses, lengths) is given by the test.

        pool, query = example_set(tasks=["a", "a", "b"]), example_set(tasks=["c"], side="unseen", prefix="query-")
        context = NaiveContext(pool, query, embeddings={"pool": np.eye(3), "query": np.ones((1, 3))})
        order = MyArrangement().arrange(context)

    `NaiveContext.of(component, …)` allows exactly what the component declares.

    Args:
        pool: The training examples.
        query: Examples of unseen tasks, whole; the context restricts them to `access`.
        budget: How many examples to ask for; by default all.
        batch_size: Examples in an optimizer step.
        seed: What `rng` derives from.
        embeddings: `[n, d]` for "pool" and "query", the same for every view; or a mapping from view to such an array.
        losses: `[n]` for "pool" and "query", of the answer; or a mapping from what they are of to such an array.
        lengths: `[n]` for "pool" and "query".
        model: Makes a model handle; called once, and again for each `fresh` one.
        block_rows: How many rows a block of a similarity has; by default half of them.
        access: What may be seen of the query.
        needs: The services that may be used.
        stochastic: Whether `rng` may be used.
    """

    def __init__(
        self,
        pool: ExampleSet,
        query: ExampleSet | None = None,
        *,
        budget: int | None = None,
        batch_size: int = 16,
        seed: int = 0,
        embeddings: Mapping[Role, ArrayLike | Mapping[View, ArrayLike]] | None = None,
        losses: Mapping[Role, ArrayLike | Mapping[LossOf, ArrayLike]] | None = None,
        lengths: Mapping[Role, ArrayLike] | None = None,
        model: Callable[[], ModelHandle] | None = None,
        block_rows: int | None = None,
        access: Access = Access.ANSWERS,
        needs: frozenset[Need] = frozenset(Need),
        stochastic: bool = True,
    ) -> None:
        self._pool = pool
        self._query = None if query is None or access is Access.NONE else query.restrict(access)
        self._budget = len(pool) if budget is None else budget
        self._batch_size = batch_size
        self._seed = seed
        self._given: dict[str, Mapping[Role, Any]] = {
            "embeddings": embeddings or {},
            "losses": losses or {},
            "lengths": lengths or {},
        }
        self._make_model = model
        self._model: ModelHandle | None = None
        self._block_rows = block_rows
        self._access = access
        self._needs = needs
        self._stochastic = stochastic

    @classmethod
    def of(
        cls,
        component: Arranging,
        pool: ExampleSet,
        query: ExampleSet | None = None,
        **given: Any,
    ) -> NaiveContext:
        """A context that allows what `component` declares and nothing else."""
        declared: dict[str, Any] = {
            "access": component.access,
            "needs": component.needs,
            "stochastic": component.stochastic,
        }
        return cls(pool, query, **(declared | given))

    @property
    def pool(self) -> ExampleSet:
        """The training examples."""
        return self._pool

    @property
    def query(self) -> ExampleSet:
        """The query examples, restricted."""
        if self._query is None:
            raise ContractError(f"there is no query to see (declared access: {self._access})")
        return self._query

    @property
    def budget(self) -> int:
        """How many examples to return."""
        return self._budget

    @property
    def batch_size(self) -> int:
        """Examples in an optimizer step."""
        return self._batch_size

    def rng(self, *keys: str | int) -> np.random.Generator:
        """The order stream, as for a component at the head of a pipe."""
        if not self._stochastic:
            raise ContractError("context.rng was used without declaring stochastic")
        return generator("order", self._seed, 0, *keys)

    def texts(self, role: Role, view: View = "both") -> list[str]:
        """The texts of a role."""
        return self._examples(role).texts(view)

    def lengths(self, role: Role) -> NDArray[np.int64]:
        """The given lengths."""
        self._require(Need.TOKENIZER)
        self.texts(role, "completion")  # raises if the answers are withheld
        return np.asarray(self._given_for("lengths", role), dtype=np.int64)

    def losses(self, role: Role, of: LossOf = "answer") -> NDArray[np.float64]:
        """The given losses."""
        self._require(Need.LOSSES)
        self.texts(role, "completion")  # raises if the answers are withheld
        given = self._given_for("losses", role)
        kinds = given if isinstance(given, Mapping) else {"answer": given}
        if of not in kinds:
            raise ValueError(f"this NaiveContext was given no losses of the {role}'s {of!r}")
        return np.asarray(kinds[of], dtype=np.float64)

    def kl_ngram(self, texts: Sequence[str], reference: Sequence[str], n: int = 2) -> NDArray[np.float64]:
        """The definition, text by text."""
        q: Counter[tuple[str, ...]] = Counter()
        for text in reference:
            q.update(_ngrams(text, n))
        whole = max(q.total(), 1)
        divergences = np.full(len(texts), -log(1e-10))
        for i, text in enumerate(texts):
            p = Counter(_ngrams(text, n))
            if p:
                shares = {gram: count / p.total() for gram, count in p.items()}
                divergences[i] = sum(x * (log(x) - log(q[gram] / whole + 1e-10)) for gram, x in shares.items())
        return divergences.round(12)

    def embeddings(self, role: Role, view: View = "both") -> NDArray[np.float32]:
        """The given embeddings, read-only."""
        self._require(Need.EMBEDDER)
        self.texts(role, view)  # raises if the view is withheld
        given = self._given_for("embeddings", role)
        vectors = np.array(given[view] if isinstance(given, Mapping) else given, dtype=np.float32)
        vectors.flags.writeable = False
        return vectors

    def similarity(
        self, rows: NDArray[np.float32], columns: NDArray[np.float32], measure: Measure = "cosine"
    ) -> NaiveSimilarity:
        """Dense similarities."""
        return NaiveSimilarity(rows, columns, measure, self._block_rows)

    def model(self, fresh: bool = False) -> ModelHandle:
        """The given model."""
        if not self._needs & {Need.MODEL, Need.GRADIENTS}:
            raise ContractError("the model was used without declaring Need.MODEL or Need.GRADIENTS")
        if self._make_model is None:
            raise ValueError("this NaiveContext was given no model")
        if fresh:
            return self._make_model()
        self._model = self._model or self._make_model()
        return self._model

    def _examples(self, role: Role) -> ExampleSet:
        if role == "pool":
            return self.pool
        if role == "query":
            return self.query
        raise ContractError(f"an arrangement sees the pool and the query, not {role!r}")

    def _require(self, need: Need) -> None:
        if need not in self._needs:
            raise ContractError(f"a service was used without declaring Need.{need.name}")

    def _given_for(self, what: str, role: Role) -> Any:
        if role not in self._given[what]:
            raise ValueError(f"this NaiveContext was given no {what} of the {role}")
        return self._given[what][role]


def _ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    tokens = text.split()
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
