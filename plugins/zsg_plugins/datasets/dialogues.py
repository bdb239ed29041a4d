"""Dialogues in the formats they are published in: roles mapped, and what is no whole dialogue left out and counted."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from zsg_plugins.datasets.files import Place, Record, records
from zsg_plugins.datasets.published import Published, training_files
from zsg_plugins.datasets.split import FractionSplit
from zsg_registry import DatasetContext, Example, Message, ZsgError

TURNS: Final = ("messages", "conversations", "items", "data")
"""The fields that hold a record's turns, in the formats that are read."""
_ROLES: Final[Mapping[str, str]] = {
    "system": "system",
    "human": "user",
    "user": "user",
    "prompter": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bard": "assistant",
    "bing": "assistant",
    "assistant": "assistant",
}
_LOG: Final = logging.getLogger(__name__)


class Broken(Exception):
    """Why a record is no whole dialogue."""


class LeftOut:
    """Counts the records that are no whole dialogues, so that they can be told of in one line."""

    def __init__(self) -> None:
        self._records = 0
        self._broken = 0
        self._first: dict[str, Place] = {}

    @contextmanager
    def unless_whole(self, place: Place) -> Iterator[None]:
        """Pass over a record that turns out to be broken."""
        self._records += 1
        try:
            yield
        except Broken as broken:
            self._broken += 1
            self._first.setdefault(str(broken), place)

    def tell(self) -> None:
        """Log how many records were left out, and where the first of each fault is.

        Raises:
            ZsgError: All of them were.
        """
        if not self._broken:
            return
        told = "; ".join(f"{fault}: {place}" for fault, place in self._first.items())
        if self._broken == self._records:
            raise ZsgError(f"none of {self._records} dialogues is whole ({told})")
        _LOG.warning("%d of %d dialogues are left out (%s)", self._broken, self._records, told)


class Dialogues(Published):
    """Published dialogues without tasks: the unseen side is a share of them, held out."""

    class Params(Published.Params):
        """Where the dialogues are, and how many are held out."""

        unseen: float = Field(default=0.05, gt=0, lt=1)
        """The share of dialogues that is held out: there are no tasks that could be unseen. They count as one task, so
        that the matrix's `per_unseen_task` says how many of them are scored."""

        split_seed: int = 0
        """Draws it. It is not the seed of a cell: the split is the same for all of them."""

    params: Params

    def load(self, context: DatasetContext) -> Iterable[Example]:
        """All whole dialogues of the training split. How many are not whole is logged.

        Raises:
            ZsgError: A file is missing or damaged, a record has no turns, or no dialogue is whole.
        """
        root = self.root()
        examples = list(_examples(records(self.files(root), TURNS)))
        if not examples:
            raise ZsgError(f"{root} is empty: it holds no dialogues")
        return self._split().apply(examples, str(root))

    def files(self, root: Path) -> list[Path]:
        """The data files, without those of published test splits: what is held out is drawn from the rest."""
        return training_files(root)

    def split_spec(self) -> Any:
        """The share that is held out, and its seed."""
        return self._split().spec()

    def _split(self) -> FractionSplit:
        return FractionSplit(self.params.unseen, self.params.split_seed, "task")


def messages_of(turns: Sequence[Any]) -> tuple[Message, ...]:
    """The turns as messages that begin with the user's (or a system's) and end with the assistant's.

    An assistant's turn before the first question is dropped, and so is a question at the end that nobody answered.

    Args:
        turns: `{role, content}`, `{from, value}`, or bare texts, of which the user has the first.

    Raises:
        Broken: What is left is not a dialogue.
    """
    messages = [_message(turn, number) for number, turn in enumerate(turns)]
    start = next((place for place, message in enumerate(messages) if message.role != "assistant"), len(messages))
    messages = messages[start:]
    while messages and messages[-1].role != "assistant":
        messages.pop()
    spoken = [message.role for message in messages if message.role != "system"]
    if not spoken:
        raise Broken("nothing is answered")
    if any(message.role == "system" for message in messages[1:]):
        raise Broken("a system's turn in the middle")
    if spoken[0] != "user" or any(before == after for before, after in pairwise(spoken)):
        raise Broken("turns that do not alternate")
    if any(not message.content.strip() for message in messages if message.role != "system"):
        raise Broken("an empty turn")
    return tuple(messages)


def turns_of(place: Place, row: Any) -> Sequence[Any]:
    """The turns of a record, under whichever name they have.

    Raises:
        ZsgError: It has none; the message has the fields that it does have.
    """
    for name in TURNS:
        turns = row.get(name) if isinstance(row, Mapping) else None
        if isinstance(turns, list):
            return turns
    fields = ", ".join(map(str, row)) if isinstance(row, Mapping) else "none"
    raise ZsgError(f"{place}: no dialogue: needs a list {' or '.join(map(repr, TURNS))} (its fields: {fields})")


def _examples(found: Iterable[Record]) -> Iterator[Example]:
    left_out = LeftOut()
    for number, (place, row) in enumerate(found):
        with left_out.unless_whole(place):
            yield Example(str(number), messages=messages_of(turns_of(place, row)))
    left_out.tell()


def _message(turn: Any, number: int) -> Message:
    if isinstance(turn, str):
        return Message("assistant" if number % 2 else "user", turn)
    if not isinstance(turn, Mapping):
        raise Broken("a turn that is neither a text nor an object")
    name, content = turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))
    role = _ROLES.get(name.lower()) if isinstance(name, str) else None
    if role is None:
        raise Broken(f"the unknown role {name!r}")
    if not isinstance(content, str):
        raise Broken("a turn without a text")
    return Message(role, content)
