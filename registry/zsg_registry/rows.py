"""From rows, as files and data frames hold them, to examples: every field checked, every fault told in words."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from zsg_registry.errors import did_you_mean
from zsg_registry.examples import Example, Message

_ROLES: Final = ("system", "user", "assistant")


class RowFault(Exception):
    """What is wrong with a row, in words without its place."""


class RowReader:
    """Reads rows of one data set, one after the other.

    Args:
        answers: Whether answers are read; if not, a row needs none, and every answer is empty.
    """

    def __init__(self, *, answers: bool = True) -> None:
        self._answers = answers
        self._numbers: Counter[str | None] = Counter()

    def example(self, row: object) -> Example:
        """The example of the next row; it is "seen" until somebody says otherwise.

        An example without an id is named by its task and its number within the task.

        Raises:
            RowFault: The row is not a whole example.
        """
        if not isinstance(row, Mapping):
            raise RowFault(f"{_kind(row)}, not an object with the fields of an example")
        return _example(row if self._answers else _unanswered(row), self._numbers)


def _example(row: Mapping[str, Any], numbers: Counter[str | None]) -> Example:
    task = _text(row, "task") or None
    number = numbers[task]
    numbers[task] += 1
    example = Example(
        id=_id(row, f"{task}/{number}" if task else str(number)),
        task=task,
        source=_text(row, "source") or None,
        prompt=_text(row, "prompt"),
        completion=_text(row, "completion"),
        messages=_messages(row.get("messages")),
        instruction=_text(row, "instruction"),
        references=_texts(row, "references"),
        choices=_texts(row, "choices"),
        meta=_meta(row.get("meta")),
    )
    if example.messages is None:
        if example.prompt is None:
            raise RowFault("an example without a prompt" + _fields(row))
        if example.completion is None:
            raise RowFault("an example without a completion" + _fields(row))
    problem = example.problem()
    if problem is not None:
        raise RowFault(f"not a whole example: {problem}")
    return example


def _unanswered(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row with an empty answer, whether it had one or not."""
    turns = row.get("messages")
    if not isinstance(turns, list) or not turns:
        return {**row, "completion": "", "references": None}
    answered = isinstance(turns[-1], Mapping) and turns[-1].get("role") == "assistant"
    return {**row, "messages": [*(turns[:-1] if answered else turns), {"role": "assistant", "content": ""}]}


def _id(row: Mapping[str, Any], default: str) -> str:
    value = row.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = _text(row, "id")
    if text == "":
        raise RowFault("the id is empty")
    return default if text is None else text


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    return value if value is None else _checked_text(value, name)


def _checked_text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise RowFault(f"{name} is {_kind(value)}, not a string")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            # JSON can write half of a character ("\ud83d"), which no UTF-8 text can hold.
            raise RowFault(f"{name} holds half a character (a lone surrogate)") from None
    return value


def _texts(row: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, list):
        raise RowFault(f"{name} is {_kind(value)}, not a list of strings")
    return tuple(_checked_text(item, f"an item of {name}") for item in value)


def _messages(value: Any) -> tuple[Message, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise RowFault(f"messages is {_kind(value)}, not a list of {{role, content}}")
    return tuple(_message(turn, f"message {number}") for number, turn in enumerate(value, start=1))


def _message(turn: Any, where: str) -> Message:
    if not isinstance(turn, Mapping):
        raise RowFault(f"{where} is {_kind(turn)}, not {{role, content}}")
    for name in ("role", "content"):
        if turn.get(name) is None:
            raise RowFault(f"{where} has no {name}{_fields(turn)}")
    role = _checked_text(turn["role"], f"the role of {where}")
    if role not in _ROLES:
        raise RowFault(f"the role of {where} is {role!r}{did_you_mean(role, _ROLES)}")
    return Message(role, _checked_text(turn["content"], f"the content of {where}"))


def _meta(value: Any) -> Mapping[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise RowFault(f"meta is {_kind(value)}, not an object")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise RowFault(f"meta cannot be written as JSON: {error}") from None
    return value


def _fields(row: Mapping[str, Any]) -> str:
    """The fields a row does have: one of them is often the missing one under another name."""
    names = [name for name, value in row.items() if value is not None]
    if not names:
        return " (it has no fields)"
    return f" (its fields: {', '.join(names[:12])}{', …' if len(names) > 12 else ''})"


def _kind(value: Any) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, Mapping) else f"a {type(value).__name__}"
