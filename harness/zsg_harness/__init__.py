"""zsg-harness: which order of instruction-tuning data generalizes best?"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from zsg_harness.reports import Leaderboard
    from zsg_harness.runner import RunSummary
    from zsg_registry import ExampleSet, Order, ZsgError, __version__

__all__ = ["ZsgError", "__version__", "arrange", "leaderboard", "run"]


def __getattr__(name: str) -> object:
    # The registry is imported when it is asked for: `zsg-harness --help` does without it.
    if name in ("ZsgError", "__version__"):
        import zsg_registry

        value: object = getattr(zsg_registry, name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def run(matrix: str | Path, *, store: str | Path = "runs", workers: int | None = None) -> RunSummary:
    """Run what is missing of a matrix and write its leaderboard.

    Args:
        matrix: A matrix file, or a bundled matrix by name.
        store: The place of results: a folder, or a URL such as `s3://bucket/runs`.
        workers: Worker processes; by default what the matrix says.

    Raises:
        ZsgError: The matrix or the store is not usable.
    """
    from zsg_harness.matrix.load import load_matrix
    from zsg_harness.runner import RunOptions, run_matrix
    from zsg_harness.store.store import Store

    over = {} if workers is None else {"workers": workers}
    return run_matrix(load_matrix(matrix), Store(store), RunOptions(over))


def leaderboard(store: str | Path, out: str | Path, *, matrix: str | None = None) -> Leaderboard:
    """Write the reports of a store into a folder.

    Args:
        store: The place of results: a folder, or a URL such as `s3://bucket/runs`.
        out: Where the reports go.
        matrix: Only this matrix of the store.

    Raises:
        ZsgError: The store is not there, or damaged.
    """
    from zsg_harness.hooks.columns import plugin_columns
    from zsg_harness.reports import build
    from zsg_harness.store.store import Store

    opened = Store(store)
    with plugin_columns([opened], matrix, warnings.warn) as added:
        return build(opened, out, matrix=matrix, added=added)


def arrange(
    pool: ExampleSet | Iterable[Mapping[str, Any]],
    query: ExampleSet | Iterable[Mapping[str, Any]] | None = None,
    arrangement: str = "tma",
    embedder: str = "minilm",
    budget: int | str | None = None,
    *,
    token_budget: int | None = None,
    pool_embeddings: ArrayLike | None = None,
    query_embeddings: ArrayLike | None = None,
    seed: int = 0,
    model: str | None = None,
    batch_size: int = 16,
    cache: str | Path | None = None,
) -> Order:
    """Order your own data, for any trainer.

    The data in its new order is `[pool[i] for i in order.indices]`.

    Args:
        pool: What is to be ordered: an `ExampleSet`, a `datasets.Dataset` or a list of dicts. A row has `prompt` and
            `completion`, or `messages`; optionally `id`, `task`, `source` and the other fields of an example.
        query: Examples of what the model shall do well, likewise. Only what the arrangement declares to look at is
            read: for one that looks at prompts, they need no answers.
        arrangement: A pipe of references, such as `tma[mode=farthest] | reverse`.
        embedder: A reference; used only by arrangements that need one.
        budget: How many examples; None or "all" for the whole pool.
        token_budget: Where the order is cut, in tokens of `model`.
        pool_embeddings: Instead of the embedder: a vector for each example of the pool, `[n, d]`. A float32 array is
            not copied, so that it may be mapped from a file.
        query_embeddings: A vector for each example of the query, `[m, d]`.
        seed: What stochastic arrangements draw from.
        model: A base model, for what needs one (lengths in tokens, losses): a bundled name, a folder or a hub id.
        batch_size: Examples of an optimizer step, for arrangements that plan steps.
        cache: Where embeddings and losses are kept by content; by default in the user's cache folder.

    Returns:
        The order: `indices` are positions in the pool.

    Raises:
        ZsgError: Something of this is not what it should be; the message is one line that says what.
    """
    from zsg_harness.orders.arrange import Arranger, Settings
    from zsg_harness.orders.given import GivenVectors
    from zsg_harness.orders.inputs import example_set
    from zsg_registry import Access, Registry, ZsgError

    if isinstance(budget, str) and budget != "all":
        raise ZsgError(f"the budget is {budget!r}: it must be a number of examples or 'all'")
    settings = Settings(
        arrangement=arrangement,
        embedder=embedder,
        budget=None if isinstance(budget, str) else budget,
        token_budget=token_budget,
        batch_size=batch_size,
        seed=seed,
        model=model,
        cache=None if cache is None else Path(cache),
    )
    if pool_embeddings is None and query_embeddings is not None:
        raise ZsgError("query_embeddings were given without pool_embeddings")
    arranger = Arranger(settings, Registry(), embeds=pool_embeddings is None)
    pool_set = example_set(pool, "pool")
    query_set = None
    if query is not None and arranger.access is not Access.NONE:
        query_set = example_set(query, "query", answers=arranger.access is Access.ANSWERS)
    given = None
    if pool_embeddings is not None:
        given = GivenVectors(pool_embeddings, query_embeddings, pool_set, query_set)
    return arranger.arrange(pool_set, query_set, given=given).order
