"""Leaderboards: from a store to what is better, by how much, and whether the difference is real."""

from __future__ import annotations

from pathlib import Path

from zsg_harness.reports.board import Leaderboard, Section, assemble
from zsg_harness.reports.collect import collect
from zsg_harness.reports.document import document
from zsg_harness.reports.write import write

__all__ = ["Leaderboard", "Section", "build", "document"]


def build(store: str | Path, out: Path, *, matrix: str | None = None) -> Leaderboard:
    """Read a store and write its reports: csv, tidy scores, Markdown, JSON and a self-contained page.

    Args:
        store: The store's folder.
        out: Where the reports go; made if it is not there.
        matrix: The name of a matrix in the store, or the `<name>-<hash>` of one frozen plan. None takes every
            cell of the store.

    Returns:
        The leaderboard, whose `rows` are those of `leaderboard.csv`. With no finished cell it has none, and
        the reports say so.

    Raises:
        ZsgError: There is no such store or matrix, a file is damaged, or the chosen cells cannot share a row.
    """
    board = assemble(collect(Path(store), matrix))
    write(board, out)
    return board
