"""zsg-harness: which order of instruction-tuning data generalizes best?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zsg_harness.reports import Leaderboard
    from zsg_harness.runner import RunSummary
    from zsg_registry import ZsgError, __version__

__all__ = ["ZsgError", "__version__", "leaderboard", "run"]


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
        store: The folder of results.
        workers: Worker processes; by default what the matrix says.

    Raises:
        ZsgError: The matrix or the store is not usable.
    """
    from zsg_harness.matrix.load import load_matrix
    from zsg_harness.runner import RunOptions, run_matrix

    return run_matrix(load_matrix(matrix), Path(store), RunOptions(workers=workers))


def leaderboard(store: str | Path, out: str | Path, *, matrix: str | None = None) -> Leaderboard:
    """Write the reports of a store into a folder.

    Args:
        store: The folder of results.
        out: Where the reports go.
        matrix: Only this matrix of the store.

    Raises:
        ZsgError: The store is not there, or damaged.
    """
    from zsg_harness.reports import build

    return build(store, Path(out), matrix=matrix)
