"""Scores that somebody else computed: a table of ids and numbers, from a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from zsg_plugins.datasets.files import should_exist
from zsg_registry import ZsgError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

KINDS: Final = (".csv", ".tsv", ".jsonl", ".parquet")
"""What is read, by its extension; all but Parquet may be compressed (`.csv.gz`)."""


def scores_from_file(file: Path, ids: Sequence[str], id_column: str, score_column: str) -> NDArray[np.float64]:
    """The score of each of `ids`, float64 `[n]`. Rows of other ids are passed over.

    Args:
        file: A table of one of `KINDS`, with a row for each id.
        ids: n distinct ids.
        id_column: The column of ids; numbers in it are taken as they are written.
        score_column: The column of finite numbers.

    Raises:
        ZsgError: The file is missing or damaged or has no such column; or it has no row for an id, several rows, or
            one that is not a finite number. The message says how many, and names the first.
    """
    import pandas as pd

    table = _read(file)
    for column in (id_column, score_column):
        if column not in table.columns:
            raise ZsgError(f"{file} has no column {column!r}{did_you_mean(column, map(str, table.columns))}")
    row_ids = pd.Index(table[id_column].astype(str))
    scores = pd.to_numeric(table[score_column], errors="coerce").to_numpy(np.float64)
    wanted = pd.Index(ids)
    asked_for = row_ids.isin(wanted)
    row_ids, scores = row_ids[asked_for], scores[asked_for]
    _refuse(file, "no score for", wanted[~wanted.isin(row_ids)])
    _refuse(file, "more than one score for", row_ids[row_ids.duplicated()].unique())
    _refuse(file, "a score that is not a finite number for", row_ids[~np.isfinite(scores)])
    in_order: NDArray[np.float64] = scores[row_ids.get_indexer(wanted)]
    return in_order


def _read(file: Path) -> pd.DataFrame:
    import pandas as pd

    should_exist(file)
    kind = Path(file.stem if file.suffix == ".gz" else file).suffix
    try:
        if kind in (".csv", ".tsv"):
            return pd.read_csv(
                file,
                sep="," if kind == ".csv" else "\t",
                dtype=str,
                keep_default_na=False,  # "NA" may be an id
                encoding="utf-8-sig",
            )
        if kind == ".jsonl":
            return pd.read_json(file, lines=True, dtype=False, precise_float=True)
        if kind == ".parquet":
            return pd.read_parquet(file)
    except OSError as error:
        raise ZsgError(f"{file} cannot be read: {error.strerror or _line(error)}") from None
    except (ValueError, EOFError) as error:  # what pandas and pyarrow raise for text that is no table
        raise ZsgError(f"{file} is not a whole {kind} file: {_line(error)}") from None
    raise ZsgError(f"{file}: scores are read from {', '.join(KINDS)}, not from {kind!r}")


def _refuse(file: Path, what: str, ids: pd.Index) -> None:
    if len(ids):
        raise ZsgError(f"{file} has {what} {len(ids)} of the pool's examples; the first is {ids[0]!r}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
