"""Shapes: the columns that instruction data usually has, and what they are of an example."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from zsg_plugins.datasets.dialogues import Broken, messages_of
from zsg_registry import ZsgError, did_you_mean

ShapeName = Literal["tulu", "alpaca", "dolly", "messages", "sharegpt", "pairs"]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """A usual form of rows.

    Attributes:
        needs: The columns without which it is not this shape.
        fields: From a row to the fields of an example.
    """

    needs: tuple[str, ...]
    fields: Callable[[Row], dict[str, Any]]


def _instructed(context: str, answer: str, task: str | None = None) -> Callable[[Row], dict[str, Any]]:
    def fields(row: Row) -> dict[str, Any]:
        instruction, given = row["instruction"], row.get(context)
        prompt = f"{instruction}\n\n{given}" if given else instruction
        found = {"prompt": prompt, "completion": row[answer], "instruction": instruction}
        return found if task is None else found | {"task": row.get(task)}

    return fields


def _tulu(row: Row) -> dict[str, Any]:
    return {"messages": dialogue(row["messages"]), "source": row.get("dataset", row.get("source"))}


def dialogue(turns: Any) -> list[dict[str, str]]:
    """A column's value as messages.

    Raises:
        Broken: It is not a whole dialogue.
    """
    if not isinstance(turns, list):
        raise Broken("turns that are not a list")
    return [message._asdict() for message in messages_of(turns)]


SHAPES: Final[Mapping[ShapeName, Shape]] = {
    "dolly": Shape(("instruction", "context", "response"), _instructed("context", "response", task="category")),
    "alpaca": Shape(("instruction", "output"), _instructed("input", "output")),
    "tulu": Shape(("messages",), _tulu),
    "messages": Shape(("messages",), lambda row: {"messages": dialogue(row["messages"])}),
    "sharegpt": Shape(("conversations",), lambda row: {"messages": dialogue(row["conversations"])}),
    "pairs": Shape(("prompt", "completion"), lambda row: {name: row[name] for name in ("prompt", "completion")}),
}
"""In the order in which they are tried on data whose shape is not named."""


def shape_of(name: ShapeName | None, columns: Collection[str], where: str) -> Shape:
    """The shape that is named, or else the first that the columns have.

    Raises:
        ZsgError: The columns are not of it, or of none.
    """
    if name is not None:
        missing = [column for column in SHAPES[name].needs if column not in columns]
        if missing:
            raise ZsgError(
                f"{where}: the shape {name!r} needs the columns {', '.join(SHAPES[name].needs)}, "
                f"and these were found: {', '.join(columns)}"
            )
        return SHAPES[name]
    found = next((shape for shape in SHAPES.values() if set(shape.needs) <= set(columns)), None)
    if found is None:
        known = " or ".join(dict.fromkeys(" + ".join(shape.needs) for shape in SHAPES.values()))
        raise ZsgError(
            f"{where}: these columns were found: {', '.join(columns)}; needed are {known}, "
            f"or prompt=… and completion=… that name the right ones"
        )
    return found


def check_named(named: Mapping[str, str], columns: Collection[str], where: str) -> None:
    """Check that the columns that parameters name are there.

    Raises:
        ZsgError: One is not.
    """
    for parameter, column in named.items():
        if column not in columns:
            raise ZsgError(
                f"{where}: {parameter} = {column!r}, but there is no such column{did_you_mean(column, columns)}"
            )
