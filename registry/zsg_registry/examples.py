"""Examples, and the immutable columnar set that holds them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from zsg_registry.errors import ContractError, ZsgError

if TYPE_CHECKING:
    import pyarrow as pa

Side = Literal["seen", "unseen"]
View = Literal["prompt", "completion", "both", "instruction"]
VIEWS: Final[tuple[View, ...]] = get_args(View)


class Access(StrEnum):
    """What an arrangement may see of the unseen tasks' query examples."""

    NONE = "none"
    PROMPTS = "prompts"
    ANSWERS = "answers"


class Message(NamedTuple):
    """A turn of a dialogue. `role` is "system", "user" or "assistant"."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Example:
    """An instruction-tuning example: `prompt` and `completion`, or `messages` that end with an assistant's turn.

    Attributes:
        id: Unique in its data set.
        task: The task it belongs to; None where the data has no tasks.
        source: The data set it was made from, shared by several tasks.
        side: "unseen" if it belongs to a held-out task (or is itself held out, where there are no tasks).
        prompt: What the model is given.
        completion: What the model shall answer.
        messages: A dialogue, instead of `prompt` and `completion`.
        instruction: The task's instruction alone, where it is known apart from the input.
        references: Acceptable answers; None means the completion is the only one.
        choices: The options of a multiple-choice example.
        meta: JSON values that the harness carries but does not read.
    """

    id: str
    task: str | None = None
    source: str | None = None
    side: Side = "seen"
    prompt: str | None = None
    completion: str | None = None
    messages: tuple[Message, ...] | None = None
    instruction: str | None = None
    references: tuple[str, ...] | None = None
    choices: tuple[str, ...] | None = None
    meta: Mapping[str, Any] | None = None

    def problem(self) -> str | None:
        """What is wrong with this example, in words, or None."""
        if not self.id:
            return "it has no id"
        if self.side not in get_args(Side):
            return f"its side is {self.side!r}, not 'seen' or 'unseen'"
        if self.messages is not None:
            if self.prompt is not None or self.completion is not None:
                return "it has both 'messages' and 'prompt'/'completion'"
            if not self.messages or self.messages[-1].role != "assistant":
                return "its messages do not end with an assistant's turn"
            return None
        if self.prompt is None:
            return "it has no prompt"
        if self.completion is None:
            return "it has no completion"
        return None


COLUMNS: Final = tuple(field.name for field in fields(Example))
_VISIBLE_PROMPTS: Final = ("id", "task", "source", "instruction", "prompt", "messages")


class ExampleSet:
    """An immutable, columnar set of examples over a pyarrow table.

    `examples["task"]` is a read-only NumPy array of one value per example; `examples.arrow` is the table. A column
    that was withheld from a plugin does not exist in its set.
    """

    __slots__ = ("_arrow",)

    def __init__(self, arrow: pa.Table) -> None:
        unknown = [name for name in arrow.column_names if name not in COLUMNS]
        if unknown or "id" not in arrow.column_names:
            raise ContractError(f"a table of examples needs an 'id' and columns of {COLUMNS}, not {unknown or 'none'}")
        self._arrow = arrow

    @classmethod
    def from_examples(cls, examples: Iterable[Example]) -> ExampleSet:
        """Check the examples and make a set of them.

        Raises:
            ZsgError: An example is incomplete, or two have the same id.
        """
        import pyarrow as pa

        columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        ids: set[str] = set()
        for example in examples:
            problem = "its id was used before" if example.id in ids else example.problem()
            if problem is not None:
                raise ZsgError(f"example {example.id!r} of task {example.task!r}: {problem}")
            ids.add(example.id)
            for name in COLUMNS:
                columns[name].append(_to_arrow(name, getattr(example, name)))
        return cls(pa.table(columns, schema=_schema()))

    @property
    def arrow(self) -> pa.Table:
        """The pyarrow table."""
        return self._arrow

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns this set has."""
        return tuple(self._arrow.column_names)

    @property
    def ids(self) -> list[str]:
        """The ids, in order."""
        ids: list[str] = self._arrow.column("id").to_pylist()
        return ids

    def __len__(self) -> int:
        rows: int = self._arrow.num_rows
        return rows

    def __getitem__(self, column: str) -> NDArray[Any]:
        if column not in COLUMNS:
            raise ContractError(f"an example has no field {column!r}; the fields are {', '.join(COLUMNS)}")
        if column not in self._arrow.column_names:
            raise ContractError(f"the field {column!r} is withheld: it needs more access than was declared")
        values = np.empty(len(self), dtype=object)
        values[:] = self._arrow.column(column).to_pylist()
        values.flags.writeable = False
        return values

    def __iter__(self) -> Iterator[Example]:
        for row in self._arrow.to_pylist():
            yield Example(**{name: _from_arrow(name, value) for name, value in row.items()})

    def take(self, positions: Sequence[int] | NDArray[np.integer[Any]]) -> ExampleSet:
        """The examples at `positions`, in that order; positions may repeat."""
        import pyarrow as pa

        return ExampleSet(self._arrow.take(pa.array(np.asarray(positions, dtype=np.int64))))

    def codes(self, column: Literal["task", "source"]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """The column as numbers: int32 `[n]` codes and the value of each code, in order of first appearance.

        A missing value is a group of its own, named "".
        """
        filled = self._column(column).fill_null("").combine_chunks().dictionary_encode()
        return filled.indices.to_numpy().astype(np.int32), tuple(filled.dictionary.to_pylist())

    def texts(self, view: View = "both") -> list[str]:
        """The text of each example.

        Args:
            view: "prompt", "completion", "both" (`prompt + " " + completion`, as in the paper's code) or
                "instruction" (the prompt, where an example has no instruction). Of a dialogue, the completion is the
                last turn and the prompt is every turn before it, one a line.

        Raises:
            ContractError: The view needs a withheld field.
        """
        if view not in VIEWS:
            raise ContractError(f"unknown view {view!r}; the views are {', '.join(VIEWS)}")
        if view == "instruction":
            prompts = self.texts("prompt")
            return [own or prompt for own, prompt in zip(self["instruction"], prompts, strict=True)]
        if view == "both":
            pairs = zip(self.texts("prompt"), self.texts("completion"), strict=True)
            return [f"{prompt} {completion}" for prompt, completion in pairs]
        plain = self[view]
        dialogues = self._dialogues()
        if dialogues is None:
            return list(plain)
        text = _dialogue_prompt if view == "prompt" else _dialogue_completion
        withheld = "completion" not in self._arrow.column_names
        return [text(d, withheld) if d is not None else own for own, d in zip(plain, dialogues, strict=True)]

    def restrict(self, access: Access) -> ExampleSet:
        """The set that a plugin with `access` may see: by allow-list, so that a new field is withheld by default.

        `Access.PROMPTS` leaves id, task, source, instruction, prompt, and of a dialogue the turns before the last.

        Raises:
            ContractError: `access` is `none`, which leaves no set at all.
        """
        if access is Access.ANSWERS:
            return self
        if access is Access.NONE:
            raise ContractError("access 'none' leaves no examples to see")
        import pyarrow as pa

        table = self._arrow.select([name for name in _VISIBLE_PROMPTS if name in self._arrow.column_names])
        dialogues = self._dialogues()
        if dialogues is not None:
            cut = pa.array([None if d is None else d[:-1] for d in dialogues], _schema().field("messages").type)
            table = table.set_column(table.column_names.index("messages"), "messages", cut)
        # A copy of the visible bytes alone: slices of the full table would keep the withheld columns in memory.
        table = table.replace_schema_metadata(None)
        return ExampleSet(pa.Table.from_batches(_copied_batches(table), schema=table.schema))

    def _column(self, name: str) -> Any:
        if name not in self._arrow.column_names:
            raise ContractError(f"the field {name!r} is withheld: it needs more access than was declared")
        return self._arrow.column(name)

    def _dialogues(self) -> list[list[dict[str, str]] | None] | None:
        """The `messages` column as lists, or None if no example is a dialogue (the usual case, answered at once)."""
        if "messages" not in self._arrow.column_names:
            return None
        column = self._arrow.column("messages")
        if column.null_count == len(self):
            return None
        dialogues: list[list[dict[str, str]] | None] = column.to_pylist()
        return dialogues


def _schema() -> pa.Schema:
    import pyarrow as pa

    text, texts = pa.large_string(), pa.list_(pa.string())
    messages = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    types = {
        "messages": messages,
        "references": texts,
        "choices": texts,
        "id": pa.string(),
        "side": pa.string(),
    }
    return pa.schema([(name, types.get(name, text)) for name in COLUMNS])


def _to_arrow(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "messages":
        return [{"role": role, "content": content} for role, content in value]
    if name == "meta":
        return json.dumps(dict(value), sort_keys=True, ensure_ascii=False)
    return value


def _from_arrow(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "messages":
        return tuple(Message(turn["role"], turn["content"]) for turn in value)
    if name == "meta":
        return json.loads(value)
    return tuple(value) if isinstance(value, list) else value


def _dialogue_prompt(dialogue: list[dict[str, str]], withheld: bool) -> str:
    # Where answers are withheld the last turn is already gone from the dialogue.
    return "\n".join(turn["content"] for turn in (dialogue if withheld else dialogue[:-1]))


def _dialogue_completion(dialogue: list[dict[str, str]], withheld: bool) -> str:
    return dialogue[-1]["content"]


def _copied_batches(table: pa.Table) -> list[pa.RecordBatch]:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    batches: list[pa.RecordBatch] = pa.ipc.open_stream(sink.getvalue()).read_all().to_batches()
    return batches
