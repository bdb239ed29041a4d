"""From records to examples: every fault told with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from zsg_plugins.datasets.files import Place, Record
from zsg_registry import Example, RowFault, RowReader, ZsgError


def examples_of(records: Iterable[Record], *, answers: bool = True) -> Iterator[Example]:
    """The example of each record; all are "seen" until a split says otherwise.

    Args:
        records: What was read.
        answers: Whether answers are read; if not, every answer is empty.

    Raises:
        ZsgError: A record is not a whole example, or two have one id; the message names the places.
    """
    places: dict[str, Place] = {}
    reader = RowReader(answers=answers)
    for place, row in records:
        try:
            example = reader.example(row)
        except RowFault as fault:
            raise ZsgError(f"{place}: {fault}") from None
        first = places.setdefault(example.id, place)
        if first is not place:
            raise ZsgError(f"{place}: the id {example.id!r} was used before, at {first}")
        yield example
