"""Real files of every format come out as the same examples."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zsg_plugins.datasets.jsonl import Jsonl
from zsg_registry import Example, ExampleSet, Message

ROWS: list[dict[str, Any]] = [
    {"task": "add", "source": "math", "prompt": "1 + 1 =", "completion": "2", "references": ["2", "two"]},
    {"task": "add", "source": "math", "prompt": "2 + 2 =", "completion": "4", "meta": {"level": 1}},
    {
        "task": "colour",
        "source": "words",
        "prompt": "The sky is …",
        "completion": "blau 🟦",
        "choices": ["rot", "blau"],
    },
    {"task": "shape", "prompt": "A ball is", "completion": "round", "id": "ball", "instruction": "Name the shape."},
]
EXPECTED = [
    Example("add/0", "add", "math", "unseen", "1 + 1 =", "2", references=("2", "two")),
    Example("add/1", "add", "math", "unseen", "2 + 2 =", "4", meta={"level": 1}),
    Example("colour/0", "colour", "words", "seen", "The sky is …", "blau 🟦", choices=("rot", "blau")),
    Example("ball", "shape", None, "seen", "A ball is", "round", instruction="Name the shape."),
]


def jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    names = {name for row in rows for name in row}
    pq.write_table(pa.table({name: [row.get(name) for row in rows] for name in sorted(names)}), path)


WRITERS: dict[str, Callable[[Path], object]] = {
    "data.jsonl": lambda path: path.write_bytes(jsonl(ROWS)),
    "data.jsonl.gz": lambda path: path.write_bytes(gzip.compress(jsonl(ROWS))),
    "data.json": lambda path: path.write_text(json.dumps(ROWS, indent=1), encoding="utf-8"),
    "data.parquet": lambda path: write_parquet(path, ROWS),
    "UPPER.JSONL": lambda path: path.write_bytes(jsonl(ROWS)),
}


def load(path: Path, **params: Any) -> list[Example]:
    params.setdefault("unseen", ["add"])
    return list(Jsonl(path=str(path), **params).load(None))  # type: ignore[arg-type]  # local files need no context


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_examples(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)

    examples = load(tmp_path / name)

    assert examples == EXPECTED
    assert list(ExampleSet.from_examples(examples)) == EXPECTED


def test_a_folder_is_read_in_the_order_of_names_and_ids_go_on(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    write_parquet(tmp_path / "b" / "part.parquet", ROWS[3:])
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(jsonl(ROWS[1:3])))
    (tmp_path / "a.json").write_text(json.dumps(ROWS[:1]), encoding="utf-8")
    (tmp_path / "README.md").write_text("not data", encoding="utf-8")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "old.jsonl").write_text("not read", encoding="utf-8")

    assert load(tmp_path) == EXPECTED


def test_the_split_file_in_the_folder_is_not_data(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_bytes(jsonl(ROWS))
    (tmp_path / "split.json").write_text('{"unseen_tasks": ["add"]}', encoding="utf-8")

    assert load(tmp_path, unseen=str(tmp_path / "split.json")) == EXPECTED


def test_byte_order_mark_blank_lines_windows_ends_and_unknown_fields(tmp_path: Path) -> None:
    rows = [{**row, "split": "train", "score": [1, {"x": None}]} for row in ROWS]
    text = "\r\n\r\n  \r\n".join(json.dumps(row) for row in rows)
    (tmp_path / "data.jsonl").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (tmp_path / "data.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(rows).encode())

    assert load(tmp_path / "data.jsonl") == EXPECTED
    assert load(tmp_path / "data.json") == EXPECTED


def test_line_separators_of_unicode_inside_a_string_do_not_end_a_line(tmp_path: Path) -> None:
    rows = [{**ROWS[0], "prompt": "one\u2028two\x85three\u000bfour"}, *ROWS[1:]]
    (tmp_path / "data.jsonl").write_bytes(jsonl(rows))

    assert load(tmp_path / "data.jsonl")[0].prompt == "one\u2028two\x85three\u000bfour"


def test_dialogues(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    write_parquet(tmp_path / "data.parquet", [{"messages": turns}, {"messages": turns}])
    (tmp_path / "data.jsonl").write_bytes(jsonl([{"messages": turns}, {"messages": turns}]))

    for name in ("data.parquet", "data.jsonl"):
        examples = load(tmp_path / name, unseen=0.5)
        assert [example.id for example in examples] == ["0", "1"]
        assert examples[0].messages == (Message("user", "hi"), Message("assistant", "hello"))
        assert examples[0].task is None


def test_ids_may_be_numbers_and_null_is_absent(tmp_path: Path) -> None:
    rows = [{**row, "id": number, "instruction": None} for number, row in enumerate(ROWS)]
    (tmp_path / "data.jsonl").write_bytes(jsonl(rows))

    assert [example.id for example in load(tmp_path / "data.jsonl")] == ["0", "1", "2", "3"]


def test_the_fingerprint_is_of_content_and_split_alone(tmp_path: Path) -> None:
    here, there = tmp_path / "data.jsonl", tmp_path / "elsewhere" / "other.jsonl"
    there.parent.mkdir()
    for path in (here, there):
        path.write_bytes(jsonl(ROWS))
    names = tmp_path / "names.txt"
    names.write_text("add\n", encoding="utf-8")

    def fingerprint(path: Path, **params: Any) -> str:
        return Jsonl(path=str(path), **params).fingerprint()

    base = fingerprint(here, unseen=["add"])
    assert base == fingerprint(there, unseen=["add"])
    assert base == fingerprint(here, unseen=str(names))
    assert base == fingerprint(here, unseen=["add", "add"])
    others = [
        fingerprint(here, unseen=["colour"]),
        fingerprint(here, unseen=0.2),
        fingerprint(here, unseen=0.3),
        fingerprint(here, unseen=0.2, split_seed=1),
        fingerprint(here, unseen=0.2, split_by="source"),
    ]
    assert len({base, *others}) == 6
    names.write_text("colour\n", encoding="utf-8")
    assert fingerprint(here, unseen=str(names)) == fingerprint(here, unseen=["colour"])
    here.write_bytes(jsonl(ROWS[:3]))
    assert fingerprint(here, unseen=["add"]) != base


def test_a_file_changed_in_place_changes_the_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(jsonl(ROWS))
    dataset = Jsonl(path=str(path))
    before = dataset.fingerprint()

    path.write_bytes(jsonl(ROWS).replace(b"round", b"ROUND"))  # the same size
    os.utime(path, ns=(1, 1))

    assert dataset.fingerprint() != before


def test_nothing_of_the_place_enters_the_identity(tmp_path: Path) -> None:
    dataset = Jsonl(path=str(tmp_path / "data.jsonl"), unseen=str(tmp_path / "split.json"), split_seed=3)

    assert dataset.identity_params() == {}
