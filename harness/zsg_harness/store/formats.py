"""What the store's files hold: JSON objects and Parquet tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from zsg_registry import ZsgError

if TYPE_CHECKING:
    # pyarrow is imported where a table is read or written: a plan is compared with the store without it.
    import pyarrow as pa

SCHEMA_VERSION: Final = 1


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """A JSON object as the content of a file."""
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False, default=str) + "\n").encode()


def json_object(data: bytes, name: str) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        ZsgError: It is damaged; `name` says which.
    """
    try:
        document = json.loads(data)
    except ValueError as error:
        raise ZsgError(f"{name} is damaged: {error}") from None
    if not isinstance(document, dict):
        raise ZsgError(f"{name} is damaged: it is not a JSON object")
    version = document.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise ZsgError(f"{name} has schema version {version}; this zsg-harness reads {SCHEMA_VERSION}: upgrade it")
    return document


def parquet_bytes(table: pa.Table, row_group_size: int | None = None) -> bytes:
    """A table as the content of a Parquet file, in the store's compression."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size, compression="zstd")
    data: bytes = sink.getvalue().to_pybytes()
    return data


def parquet_table(data: bytes, name: str) -> pa.Table:
    """The table in a Parquet file.

    Raises:
        ZsgError: It is damaged; `name` says which.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(pa.BufferReader(data))
    except (OSError, pa.ArrowException) as error:
        raise ZsgError(f"{name} is damaged: {str(error).partition(chr(10))[0]}") from None
