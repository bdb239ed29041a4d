"""Example sets: columns, texts, and what withholding really withholds."""

from __future__ import annotations

import gc
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_registry import VIEWS, Access, ContractError, Example, ExampleSet, Message, ZsgError
from zsg_registry.testing import dialogue_set, example_set

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
maybe = st.none() | texts
plain = {"messages": st.none(), "prompt": texts, "completion": texts}
turns = st.lists(st.builds(Message, role=st.sampled_from(["system", "user"]), content=texts), max_size=3)
dialogue = turns.map(lambda before: (*before, Message("assistant", "the answer")))
json_values = st.none() | st.booleans() | st.integers() | texts | st.lists(texts, max_size=2)


@st.composite
def examples(draw: st.DrawFn, i: int) -> Example:
    rest = {
        "task": maybe,
        "source": maybe,
        "side": st.sampled_from(["seen", "unseen"]),
        "instruction": maybe,
        "references": st.none() | st.lists(texts, max_size=3).map(tuple),
        "choices": st.none() | st.lists(texts, max_size=3).map(tuple),
        "meta": st.none() | st.dictionaries(texts, json_values, max_size=2),
    }
    content = draw(st.sampled_from([plain, {"messages": dialogue}]))
    return Example(id=f"id-{i}", **{name: draw(values) for name, values in (rest | content).items()})


@given(st.data(), st.integers(0, 4))
def test_examples_come_back_as_they_went_in(data: st.DataObject, n: int) -> None:
    given_ones = [data.draw(examples(i)) for i in range(n)]
    made = ExampleSet.from_examples(given_ones)
    assert list(made) == given_ones
    assert list(made.take([n - 1, 0, 0] if n else [])) == ([given_ones[i] for i in (n - 1, 0, 0)] if n else [])
    assert len(made) == n
    assert made["task"].tolist() == [example.task for example in given_ones]


@pytest.mark.parametrize(
    ("example", "told"),
    [
        (Example(id="", prompt="p", completion="c"), "it has no id"),
        (Example(id="x", completion="c"), "it has no prompt"),
        (Example(id="x", prompt="p"), "it has no completion"),
        (Example(id="x", prompt="p", messages=(Message("assistant", "c"),)), "both 'messages' and 'prompt'"),
        (Example(id="x", messages=()), "do not end with an assistant's turn"),
        (Example(id="x", messages=(Message("user", "c"),)), "do not end with an assistant's turn"),
        (Example(id="x", prompt="p", completion="c", side="test"), "its side is 'test'"),  # type: ignore[arg-type]
    ],
)
def test_an_incomplete_example_is_refused_by_name(example: Example, told: str) -> None:
    with pytest.raises(ZsgError, match=f"example {example.id!r} of task None: ") as caught:
        ExampleSet.from_examples([example])
    assert told in str(caught.value)


def test_an_id_is_used_once() -> None:
    with pytest.raises(ZsgError, match="example 'x' of task 't': its id was used before"):
        ExampleSet.from_examples([Example(id="x", task="t", prompt="p", completion="c")] * 2)


def test_views_of_plain_examples() -> None:
    made = ExampleSet.from_examples(
        [
            Example(id="a", prompt="Add 1 and 2.", completion="3", instruction="Add."),
            Example(id="b", prompt="", completion=""),
        ]
    )
    assert {view: made.texts(view) for view in VIEWS} == {
        "prompt": ["Add 1 and 2.", ""],
        "completion": ["3", ""],
        "both": ["Add 1 and 2. 3", " "],
        "instruction": ["Add.", ""],
    }
    with pytest.raises(ContractError, match="unknown view 'all'; the views are prompt, completion, both, instruction"):
        made.texts("all")  # type: ignore[arg-type]


def test_views_of_dialogues_beside_plain_examples() -> None:
    mixed = ExampleSet.from_examples(
        [
            *dialogue_set([["hi", "hello", "and now?", "bye"]]),
            Example(id="plain", prompt="p", completion="c"),
        ]
    )
    assert mixed.texts("prompt") == ["hi\nhello\nand now?", "p"]
    assert mixed.texts("completion") == ["bye", "c"]
    assert mixed.texts() == ["hi\nhello\nand now? bye", "p c"]
    assert mixed.restrict(Access.PROMPTS).texts("prompt") == mixed.texts("prompt")
    assert mixed.restrict(Access.PROMPTS).texts("instruction") == mixed.texts("instruction")


def test_codes_count_in_order_of_first_appearance_and_a_missing_value_is_a_group() -> None:
    codes, names = example_set(["b", None, "a", "b", None]).codes("task")
    assert codes.tolist() == [0, 1, 2, 0, 1]
    assert codes.dtype == np.int32
    assert names == ("b", "", "a")
    empty_codes, empty_names = example_set([]).codes("task")
    assert (empty_codes.tolist(), empty_names) == ([], ())


def test_a_set_does_not_change() -> None:
    made = example_set(["a", "b"])
    with pytest.raises(ValueError, match="read-only"):
        made["task"][0] = "c"
    with pytest.raises(AttributeError):
        made.extra = 1  # type: ignore[attr-defined]


def test_a_field_that_does_not_exist_and_a_table_without_ids_are_errors() -> None:
    with pytest.raises(ContractError, match="an example has no field 'answer'"):
        example_set(["a"])["answer"]
    with pytest.raises(ContractError, match="needs an 'id'"):
        ExampleSet(pa.table({"prompt": ["p"]}))
    with pytest.raises(ContractError, match="surprise"):
        ExampleSet(pa.table({"id": ["x"], "surprise": [1]}))


CANARY = "canary-7f3a"
WITHHELD = ("side", "completion", "references", "choices", "meta")


def unseen_with_canaries() -> ExampleSet:
    made = ExampleSet.from_examples(
        [
            Example(
                id="plain",
                task="t",
                source="s",
                side="unseen",
                instruction="visible instruction",
                prompt="visible prompt",
                completion=CANARY,
                references=(CANARY,),
                choices=(CANARY,),
                meta={CANARY: CANARY},
            ),
            Example(
                id="dialogue",
                side="unseen",
                messages=(Message("user", "visible turn"), Message("assistant", CANARY)),
            ),
        ]
    )
    return ExampleSet(made.arrow.replace_schema_metadata({"note": CANARY}))


def reachable(root: object) -> Iterator[object]:
    """Every object that is reached from `root` by following references, leaving code aside."""
    code = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.FrameType)
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, code):
            continue
        seen.add(id(thing))
        yield thing
        waiting += gc.get_referents(thing)


def memory(table: pa.Table) -> bytes:
    """The bytes of every buffer of the table, and of what those buffers are slices of."""
    buffers = [b for column in table.columns for chunk in column.chunks for b in chunk.buffers() if b is not None]
    while any(buffer.parent is not None for buffer in buffers):
        buffers = [buffer.parent or buffer for buffer in buffers]
    return b"".join(buffer.to_pybytes() for buffer in buffers)


def finds_the_canary(made: ExampleSet) -> bool:
    things = [thing for thing in reachable(made) if not isinstance(thing, types.CodeType)]
    return CANARY.encode() in memory(made.arrow) or any(CANARY in _text(thing) for thing in things)


def _text(thing: Any) -> str:
    if isinstance(thing, bytes | bytearray):
        return thing.decode(errors="replace")
    return thing if isinstance(thing, str) else str(thing) if isinstance(thing, pa.Table | pa.Schema) else ""


def test_what_is_withheld_is_nowhere_to_be_found() -> None:
    whole = unseen_with_canaries()
    assert finds_the_canary(whole)  # the search itself works
    restricted = whole.restrict(Access.PROMPTS)
    assert set(restricted.columns) == {"id", "task", "source", "instruction", "prompt", "messages"}
    assert not finds_the_canary(restricted)
    assert not finds_the_canary(restricted.take([1, 0]))
    assert restricted.texts("prompt") == ["visible prompt", "visible turn"]
    assert restricted.texts("instruction") == ["visible instruction", "visible turn"]


def test_asking_for_what_is_withheld_is_a_breach_of_the_contract() -> None:
    restricted = unseen_with_canaries().restrict(Access.PROMPTS)
    for field in WITHHELD:
        with pytest.raises(ContractError, match=f"the field {field!r} is withheld"):
            restricted[field]
    for view in ("completion", "both"):
        with pytest.raises(ContractError, match="the field 'completion' is withheld"):
            restricted.texts(view)  # type: ignore[arg-type]
    for example in restricted:
        assert (example.completion, example.references, example.choices, example.meta) == (None, None, None, None)


def test_access_to_answers_sees_all_and_access_none_nothing() -> None:
    whole = unseen_with_canaries()
    assert whole.restrict(Access.ANSWERS).columns == whole.columns
    with pytest.raises(ContractError, match="leaves no examples"):
        whole.restrict(Access.NONE)
    with pytest.raises(ContractError, match="withheld"):
        whole.restrict(Access.PROMPTS).restrict(Access.ANSWERS)["completion"]


def test_an_empty_set_can_be_restricted() -> None:
    assert len(example_set([]).restrict(Access.PROMPTS)) == 0
