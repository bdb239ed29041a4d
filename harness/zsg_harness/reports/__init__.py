"""Leaderboards: from a store to what is better, by how much, and whether the difference is real."""

from __future__ import annotations

from pathlib import Path

from zsg_harness.reports.board import ColumnSource, Leaderboard, Section, assemble
from zsg_harness.reports.collect import collect
from zsg_harness.reports.document import document
from zsg_harness.reports.write import write
from zsg_harness.reports.written import Written
from zsg_harness.store.places import open_files
from zsg_harness.store.store import Store

__all__ = ["Leaderboard", "Section", "build", "document"]


def build(
    store: Store, out: str | Path, *, matrix: str | None = None, added: ColumnSource | None = None
) -> Leaderboard:
    """Read a store and write its reports: csv, tidy scores, Markdown, LaTeX, JSON and a self-contained page.

    Reports that are there already, and could only be written again as they are, are left.

    Args:
        store: The store.
        out: Where the reports go: a folder, made if it is not there, or a URL.
        matrix: The name of a matrix in the store, or the `<name>-<hash>` of one frozen plan. None takes every
            cell of the store.
        added: Gives columns to add to the rows; those of hook plugins, for instance.

    Returns:
        The leaderboard, whose `rows` are those of `leaderboard.csv`. With no finished cell it has none, and
        the reports say so.

    Raises:
        ZsgError: There is no such store or matrix, a file is damaged, or the chosen cells cannot share a row.
    """
    results = collect(store, matrix)
    board = assemble(results, added)
    files = open_files(out)
    written = Written(store, files)
    if added is not None or not written.is_of(results):  # nobody knows what a plugin's columns depend on
        reports = write(board, files)
        if added is None:
            written.remember(results, reports)
    return board
