"""The split: by name, by file, by fraction; the same for every run, and never empty on a side."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.datasets.jsonl import Jsonl
from zsg_plugins.datasets.split import FractionSplit
from zsg_registry import Example, ZsgError, bind, parse_reference


def examples(tasks: Sequence[str | None], sources: Sequence[str | None] | None = None) -> list[Example]:
    sources = sources or [None] * len(tasks)
    return [
        Example(str(n), task, source, prompt="p", completion="c")
        for n, (task, source) in enumerate(zip(tasks, sources, strict=True))
    ]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Ten tasks of two examples, from five sources of two tasks."""
    rows = [
        {"task": f"task{n % 10}", "source": f"source{n % 5}", "prompt": f"{n}", "completion": "c"} for n in range(20)
    ]
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def unseen_of(path: Path, **params: Any) -> set[str]:
    sides: dict[str, set[str]] = defaultdict(set)
    for example in Jsonl(path=str(path), **params).load(None):  # type: ignore[arg-type]  # no context is needed
        assert example.task is not None
        sides[example.side].add(example.task)
    assert not sides["seen"] & sides["unseen"]
    assert len(sides["seen"] | sides["unseen"]) == 10
    return sides["unseen"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("split.json", '["task1", "task3"]'),
        ("split.json", '{"seen_tasks": ["task2"], "unseen_tasks": ["task1", "task3"]}'),
        ("unseen.txt", "task1\n\n  task3\r\n"),
        ("unseen", "\ufefftask1\ntask3"),
        ("unseen.txt", '["task1", "task3"]'),
    ],
)
def test_a_file_of_names_is_found_beside_the_matrix(data: Path, name: str, content: str) -> None:
    (data.parent / name).write_text(content, encoding="utf-8")

    dataset = bind(Jsonl, parse_reference(f"jsonl[path=data.jsonl,unseen={name}]"), base_dir=data.parent)

    sides = {example.task: example.side for example in dataset.load(None)}  # type: ignore[arg-type]
    assert {task for task, side in sides.items() if side == "unseen"} == {"task1", "task3"}
    assert unseen_of(data, unseen=["task3", "task1", "task1"]) == {"task1", "task3"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"unseen": []}', "is neither a JSON list of task names nor an object whose 'unseen_tasks' is one"),
        ("[1]", "is neither a JSON list of task names nor an object whose 'unseen_tasks' is one"),
        ("[", "is not JSON: Expecting value: line 1 column 2 (char 1)"),
    ],
)
def test_a_bad_file_of_names(data: Path, content: str, expected: str) -> None:
    file = data.parent / "split.json"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(ZsgError) as caught:
        unseen_of(data, unseen=str(file))
    assert str(caught.value) == f"{file} {expected}"


def test_a_missing_file_of_names(data: Path) -> None:
    (data.parent / "split.json").write_text("[]", encoding="utf-8")
    missing = data.parent / "splt.json"

    with pytest.raises(ZsgError) as caught:
        unseen_of(data, unseen=str(missing))
    assert str(caught.value) == f"no such file: {missing} (did you mean 'split.json'?)"
    with pytest.raises(ZsgError, match=r"\(a single task is written as a list: \['task1'\]\)$"):
        unseen_of(data, unseen="task1")


@pytest.mark.parametrize(
    ("unseen", "expected"),
    [
        (["task1", "taks2x"], "the unseen task 'taks2x' is not in {data} (did you mean 'task2'"),
        ([], "the split leaves no unseen examples in {data}"),
        ([f"task{n}" for n in range(10)], "the split leaves no seen examples in {data}: every task is unseen"),
    ],
)
def test_a_list_that_does_not_fit_the_data(data: Path, unseen: list[str], expected: str) -> None:
    with pytest.raises(ZsgError) as caught:
        unseen_of(data, unseen=unseen)
    assert str(caught.value).startswith(expected.format(data=data))


def test_a_fraction_is_drawn_by_its_seed_alone(data: Path) -> None:
    drawn = [unseen_of(data, unseen=0.3, split_seed=seed) for seed in range(8)]

    assert drawn == [unseen_of(data, unseen=0.3, split_seed=seed) for seed in range(8)]
    assert all(len(tasks) == 3 for tasks in drawn)
    assert len({frozenset(tasks) for tasks in drawn}) > 1
    # Frozen: a published split must stay what it was.
    assert unseen_of(data) == {"task0", "task4"}


def test_by_source_all_tasks_of_a_source_are_on_one_side(data: Path) -> None:
    tasks = unseen_of(data, unseen=0.4, split_by="source")

    assert len(tasks) == 4
    assert tasks == {f"task{(int(task[-1]) + 5) % 10}" for task in tasks}


def test_the_order_of_the_file_does_not_matter_to_the_draw(data: Path) -> None:
    before = unseen_of(data, unseen=0.3)
    data.write_text("\n".join(reversed(data.read_text(encoding="utf-8").splitlines())), encoding="utf-8")

    assert unseen_of(data, unseen=0.3) == before


@given(
    fraction=st.floats(0, 1, exclude_min=True, exclude_max=True),
    tasks=st.lists(st.one_of(st.none(), st.sampled_from("abcdefg")), min_size=2),
    seed=st.integers(0, 3),
)
def test_a_fraction_leaves_both_sides_or_says_why(fraction: float, tasks: list[str | None], seed: int) -> None:
    given_examples = examples(tasks)
    distinct = {task for task in tasks if task is not None}
    split = FractionSplit(fraction, seed, "task")
    if len(distinct) == 1:
        with pytest.raises(ZsgError, match="has a single task"):
            split.apply(given_examples, "x")
        return

    result = list(split.apply(given_examples, "x"))

    assert [example.id for example in result] == [example.id for example in given_examples]
    assert {example.side for example in result} == {"seen", "unseen"}
    n = len(distinct) or len(tasks)
    unseen = {example.task if distinct else example.id for example in result if example.side == "unseen"}
    assert len(unseen) == min(max(round(fraction * n), 1), n - 1)
    assert not unseen & {None}


def test_faults_of_a_fraction() -> None:
    by_task, by_source = FractionSplit(0.5, 0, "task"), FractionSplit(0.5, 0, "source")

    with pytest.raises(ZsgError, match=r"^x has a single task: a fraction of it cannot be unseen while the rest is"):
        by_task.apply(examples(["a", "a"]), "x")
    with pytest.raises(ZsgError, match=r"^x has a single example: "):
        by_task.apply(examples([None]), "x")
    with pytest.raises(ZsgError, match=r"^x: split_by = 'source', but no example has a source$"):
        by_source.apply(examples(["a", "b"]), "x")
    with pytest.raises(ZsgError, match=r"^x: the task 'a' has several sources, and the split by source puts it on"):
        by_source.apply(examples(["a", "a"], ["s", "t"]), "x")


def test_without_a_split_every_example_is_seen_even_a_single_one(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text('{"task": "t", "prompt": "p", "completion": "c"}')
    (only,) = Jsonl(path=str(path), unseen=None).load(None)  # type: ignore[arg-type]  # no context is needed
    assert only.side == "seen"


def test_answers_that_are_not_read_may_be_missing_and_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    rows = [
        {"prompt": "p"},
        {"prompt": "p", "completion": "SECRET", "references": ["SECRET"]},
        {"messages": [{"role": "user", "content": "u"}]},
        {"messages": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "SECRET"}]},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    whole = Jsonl(path=str(path), unseen=None)
    prompts = Jsonl(path=str(path), unseen=None, answers=False)
    with pytest.raises(ZsgError, match="line 1: an example without a completion"):
        list(whole.load(None))  # type: ignore[arg-type]
    read = list(prompts.load(None))  # type: ignore[arg-type]
    assert "SECRET" not in repr(read)
    assert [example.completion for example in read[:2]] == ["", ""]
    assert [example.messages[-1] for example in read[2:] if example.messages] == [("assistant", "")] * 2
    assert whole.fingerprint() != prompts.fingerprint()
