"""The first page of the reference."""

from __future__ import annotations

from pieces import page

TEXT = """
Written from the code by `make reference`, and checked by the tests.

| | from |
| --- | --- |
| [The command line](command-line.md) | its commands |
| [The matrix file](matrix-file.md) | its schema |
| [The store](store.md) | the schemas of its tables |
| [The leaderboard's files](leaderboard.md) | the schema of `leaderboard.json` |
| [Python: run, arrange, leaderboard](python.md) | docstrings |
| [Python: the contract of plugins](registry.md) | docstrings |
| [Python: hooks and events](hooks.md) | docstrings |
| [Python: testing a plugin](testing.md) | docstrings |
| [The catalogue](plugins/index.md) | each plugin's class, parameters and docstring |
"""


def pages() -> dict[str, str]:
    """One page."""
    return {"reference/index.md": page("Reference", TEXT)}
