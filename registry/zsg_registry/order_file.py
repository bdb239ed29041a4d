"""An order as a file, which needs no pool and no plugin to be read: Parquet, one row for each position.

| column | type | |
|---|---|---|
| position | int64 | 0, 1, 2, … |
| example_id | string | the id in the pool |
| stage | int32 | the part of the order that it belongs to, or null |
| stage_name | string | that part's name, or null |
| score | float32 | what the order was made from, or null |
| step | int64 | the optimizer step that consumes it, from 1 on |

The schema's metadata holds one JSON document under `zsg_order`: `format`, `set_hash`, `order_hash`, `examples`,
`steps`, `batch_size`, `steps_set` (whether the arrangement set the step ends itself), and what the writer knows of
where the order came from. A table that has `position` and `example_id` alone, from whatever hand, is an order too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from zsg_registry.errors import ContractError, ZsgError, did_you_mean
from zsg_registry.order import Order, order_hash, set_hash

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT: Final = 1
_KEY: Final = b"zsg_order"
_COLUMNS: Final = ("position", "example_id", "stage", "stage_name", "score", "step")
_MOST_STAGES: Final = 2**24


@dataclass(frozen=True, slots=True, eq=False)
class OrderFile:
    """An order by the ids of its examples.

    Attributes:
        ids: The id at each position; an id may come more than once.
        order: Stages, scores and step ends. Its `indices` are positions in `ids`: 0, 1, 2, …; its `steps` are None
            only where a file says nothing of steps.
        document: What is known of the order; empty where a file says nothing.
    """

    ids: tuple[str, ...]
    order: Order
    document: Mapping[str, Any]

    @classmethod
    def of(cls, order: Order, pool_ids: Sequence[str], batch_size: int, document: Mapping[str, Any]) -> OrderFile:
        """The file of an order over a pool.

        Args:
            order: The order.
            pool_ids: The pool's ids.
            batch_size: Examples in a step, where the order does not set the steps.
            document: JSON values that say where the order came from.
        """
        ids = tuple(pool_ids[i] for i in order.indices)
        ends = order.step_ends(batch_size)
        facts = {
            "format": FORMAT,
            "set_hash": set_hash(ids),
            "order_hash": order_hash(ids, ends.tolist()),
            "examples": len(ids),
            "steps": len(ends),
            "batch_size": batch_size,
            "steps_set": order.steps is not None,
        }
        return cls(ids, replace(order, indices=np.arange(len(ids)), steps=ends), {**facts, **document})

    def over(self, pool_ids: Sequence[str]) -> Order:
        """The order over a pool that has its examples, wherever in the pool they are.

        Steps that only came of a batch size are left to the batch size of whoever trains.

        Raises:
            ZsgError: The pool lacks some of the ids; the message says how many and names the first.
        """
        places = {example_id: place for place, example_id in enumerate(pool_ids)}
        missing = [example_id for example_id in dict.fromkeys(self.ids) if example_id not in places]
        if missing:
            raise ZsgError(f"the pool lacks {len(missing)} of the order's examples; the first is {missing[0]!r}")
        indices = np.array([places[example_id] for example_id in self.ids], dtype=np.int64)
        steps = None if self.document.get("steps_set") is False else self.order.steps
        return replace(self.order, indices=indices, steps=steps)

    def to_arrow(self) -> pa.Table:
        """The table, with the document in its schema's metadata."""
        import pyarrow as pa

        order, n = self.order, len(self.ids)
        ends = order.steps
        names = pa.nulls(n, pa.string())
        if order.stage_names is not None:
            names = pa.array(order.stage_names, pa.string()).take(pa.array(order.stages))
        columns = {
            "position": pa.array(np.arange(n), pa.int64()),
            "example_id": pa.array(self.ids, pa.string()),
            "stage": pa.nulls(n, pa.int32()) if order.stages is None else pa.array(order.stages, pa.int32()),
            "stage_name": names,
            "score": pa.nulls(n, pa.float32()) if order.scores is None else pa.array(order.scores, pa.float32()),
            "step": pa.nulls(n, pa.int64()) if ends is None else pa.array(_step_numbers(ends), pa.int64()),
        }
        text = json.dumps(dict(self.document), sort_keys=True, ensure_ascii=False, allow_nan=False)
        return pa.table(columns).replace_schema_metadata({_KEY: text.encode()})

    @classmethod
    def from_arrow(cls, table: pa.Table, where: str = "the table") -> OrderFile:
        """Read a table of positions.

        Args:
            table: With `position` and `example_id`, rows in any sequence; other columns may be missing.
            where: What to call it in an error.

        Raises:
            ZsgError: It is not an order, or not the one that its document tells of.
        """
        import pyarrow as pa

        try:
            ids, order = _parts(table)
            document = _document(table.schema.metadata)
        except (pa.ArrowException, ContractError, _NotAnOrder) as error:
            raise ZsgError(f"{where} is not an order: {' '.join(str(error).split())}") from None
        read = cls(ids, order, document)
        read._check_hashes(where)
        return read

    @classmethod
    def read(cls, path: Path) -> OrderFile:
        """Read a Parquet file.

        Raises:
            ZsgError: The file is missing, damaged, or something else than an order.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not path.is_file():
            beside = path.parent.glob("*.parquet") if path.parent.is_dir() else ()
            raise ZsgError(f"no such order file: {path}{did_you_mean(path.name, (file.name for file in beside))}")
        try:
            with pq.ParquetFile(path) as file:
                present = [name for name in file.schema_arrow.names if name in _COLUMNS]
                table = file.read(columns=present)
        except (OSError, pa.ArrowException) as error:
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())
            raise ZsgError(f"{path} is not a whole Parquet file: {reason}") from None
        return cls.from_arrow(table, str(path))

    def _check_hashes(self, where: str) -> None:
        """A document that tells of other examples was not written for this table."""
        ends = [] if self.order.steps is None else self.order.steps.tolist()
        for name, found in (("set_hash", set_hash(self.ids)), ("order_hash", order_hash(self.ids, ends))):
            told = self.document.get(name, found)
            if told != found:
                raise ZsgError(f"{where} was changed after it was written: its {name} is {found}, not {told}")


class _NotAnOrder(Exception):
    """What is wrong with a table, in words."""


def _step_numbers(ends: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.repeat(np.arange(1, len(ends) + 1), np.diff(ends, prepend=0))


def _parts(table: pa.Table) -> tuple[tuple[str, ...], Order]:
    import pyarrow as pa

    for name in ("position", "example_id"):
        if name not in table.column_names:
            raise _NotAnOrder(f"it has no column {name!r}{did_you_mean(name, table.column_names)}")
        if table.column(name).null_count:
            raise _NotAnOrder(f"a row has no {name}")
    if not table.num_rows:
        raise _NotAnOrder("it has no rows")
    table = table.sort_by("position")
    positions = _cast(table, "position", pa.int64()).to_numpy()
    if not np.array_equal(positions, np.arange(table.num_rows)):
        raise _NotAnOrder("its positions are not 0, 1, 2, …")
    stages = _numbers(table, "stage", pa.int32())
    names = _stage_names(stages, table)
    order = Order(positions, stages, names, _scores(table), _ends(_numbers(table, "step", pa.int64())))
    return tuple(_cast(table, "example_id", pa.string()).to_pylist()), order


def _cast(table: pa.Table, name: str, to: pa.DataType) -> pa.ChunkedArray:
    import pyarrow as pa

    column = table.column(name)
    try:
        return column.cast(to)
    except pa.ArrowException:
        raise _NotAnOrder(f"its column {name!r} holds {column.type}, which is not all {to}") from None


def _numbers(table: pa.Table, name: str, of_type: pa.DataType) -> NDArray[Any] | None:
    """A column of integers, or None if it is not there or empty."""
    if name not in table.column_names or table.column(name).null_count == table.num_rows:
        return None
    if table.column(name).null_count:
        raise _NotAnOrder(f"some rows have a {name} and some have none")
    numbers: NDArray[Any] = _cast(table, name, of_type).to_numpy()
    return numbers


def _scores(table: pa.Table) -> NDArray[np.float32] | None:
    import pyarrow as pa

    if "score" not in table.column_names or table.column("score").null_count == table.num_rows:
        return None
    scores: NDArray[np.float32] = _cast(table, "score", pa.float32()).to_numpy()
    return scores


def _stage_names(stages: NDArray[np.int32] | None, table: pa.Table) -> tuple[str, ...] | None:
    """A name for each number from 0 on; "" for one that no row has."""
    if stages is None or "stage_name" not in table.column_names:
        return None
    names = table.column("stage_name").to_pylist()
    if all(name is None for name in names):
        return None
    numbers, rows = np.unique(stages, return_index=True)
    if not 0 <= numbers[0] <= numbers[-1] < _MOST_STAGES:
        raise _NotAnOrder("its stages have names, but are not numbers from 0 on")
    named = [""] * (int(numbers[-1]) + 1)
    for number, row in zip(numbers.tolist(), rows.tolist(), strict=True):
        named[number] = names[row] or ""
    return tuple(named)


def _ends(steps: NDArray[np.int64] | None) -> NDArray[np.int64] | None:
    if steps is None:
        return None
    rises = np.diff(steps)
    if steps[0] != 1 or not np.isin(rises, (0, 1)).all():
        raise _NotAnOrder("its steps are not 1, …, 1, 2, …, 2, 3, …")
    return np.append(np.flatnonzero(rises) + 1, len(steps)).astype(np.int64)


def _document(metadata: Mapping[bytes, bytes] | None) -> dict[str, Any]:
    text = (metadata or {}).get(_KEY)
    if text is None:
        return {}
    try:
        document = json.loads(text)
    except ValueError:
        raise _NotAnOrder("the document in its metadata is not JSON") from None
    if not isinstance(document, dict):
        raise _NotAnOrder("the document in its metadata is not a JSON object")
    if document.get("format") != FORMAT:
        raise _NotAnOrder(f"it has format {document.get('format')!r}; this version reads {FORMAT}")
    return document
