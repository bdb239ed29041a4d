"""Every fault in the input is one line that names the file, the line and what to mend."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zsg_plugins.datasets.jsonl import Jsonl
from zsg_registry import ZsgError, bind, parse_reference

GOOD = '{"task": "a", "prompt": "p", "completion": "c"}\n'


def message(path: Path, **params: Any) -> str:
    with pytest.raises(ZsgError) as caught:
        list(Jsonl(path=str(path), **params).load(None))  # type: ignore[arg-type]  # local files need no context
    text = str(caught.value)
    assert "\n" not in text
    return text


LINES = {
    "not json": ("{prompt: 1}", "not JSON: Expecting property name enclosed in double quotes (column 2)"),
    "cut off": ('{"prompt": "x', "not JSON: Unterminated string starting at (column 12)"),
    "number": ("3", "a number, not an object with the fields of an example"),
    "list": ("[1]", "a list, not an object with the fields of an example"),
    "null": ("null", "null, not an object with the fields of an example"),
    "nothing": ("{}", "an example without a prompt (it has no fields)"),
    "no completion": (
        '{"task": "a", "prompt": "p", "output": "c"}',
        "an example without a completion (its fields: task, prompt, output)",
    ),
    "null completion": (
        '{"prompt": "p", "completion": null}',
        "an example without a completion (its fields: prompt)",
    ),
    "no prompt": ('{"completion": "c"}', "an example without a prompt (its fields: completion)"),
    "prompt": ('{"prompt": 3, "completion": "c"}', "prompt is a number, not a string"),
    "chat prompt": ('{"prompt": [{}], "completion": "c"}', "prompt is a list, not a string"),
    "completion": ('{"prompt": "p", "completion": true}', "completion is true or false, not a string"),
    "task": ('{"prompt": "p", "completion": "c", "task": {}}', "task is an object, not a string"),
    "id": ('{"prompt": "p", "completion": "c", "id": 1.5}', "id is a number, not a string"),
    "empty id": ('{"prompt": "p", "completion": "c", "id": ""}', "the id is empty"),
    "references": (
        '{"prompt": "p", "completion": "c", "references": "c"}',
        "references is a string, not a list of strings",
    ),
    "choice": (
        '{"prompt": "p", "completion": "c", "choices": ["a", 1]}',
        "an item of choices is a number, not a string",
    ),
    "meta": ('{"prompt": "p", "completion": "c", "meta": [1]}', "meta is a list, not an object"),
    "surrogate": ('{"prompt": "\\ud83d", "completion": "c"}', "prompt holds half a character (a lone surrogate)"),
    "messages": ('{"messages": {"role": "user"}}', "messages is an object, not a list of {role, content}"),
    "turn": ('{"messages": ["hi"]}', "message 1 is a string, not {role, content}"),
    "sharegpt turn": (
        '{"messages": [{"from": "human", "value": "hi"}]}',
        "message 1 has no role (its fields: from, value)",
    ),
    "role": (
        '{"messages": [{"role": "users", "content": "hi"}]}',
        "the role of message 1 is 'users' (did you mean 'user'?)",
    ),
    "content": (
        '{"messages": [{"role": "user", "content": ["hi"]}]}',
        "the content of message 1 is a list, not a string",
    ),
    "last turn": (
        '{"messages": [{"role": "user", "content": "hi"}]}',
        "not a whole example: its messages do not end with an assistant's turn",
    ),
    "no turns": ('{"messages": []}', "not a whole example: its messages do not end with an assistant's turn"),
    "both": (
        '{"prompt": "p", "messages": [{"role": "assistant", "content": "x"}]}',
        "not a whole example: it has both 'messages' and 'prompt'/'completion'",
    ),
}


@pytest.mark.parametrize("case", LINES)
@pytest.mark.parametrize("name", ["data.jsonl", "data.jsonl.gz"])
def test_a_bad_line(tmp_path: Path, case: str, name: str) -> None:
    line, expected = LINES[case]
    content = f"{GOOD}\n{line}\n{GOOD}".encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)

    assert message(path) == f"{path}, line 3: {expected}"


def test_deep_nesting_is_a_bad_line_too(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(GOOD + "[" * 200_000 + "\n", encoding="utf-8")

    assert message(path).startswith(f"{path}, line 2: not JSON that can be read: ")


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(GOOD.encode() + '{"prompt": "é"'.encode("latin-1"))

    assert message(path) == f"{path}, line 2: not UTF-8 text"


def test_an_item_of_a_json_list(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_text('[{"prompt": "p", "completion": "c"},\n {"prompt": "p"}]', encoding="utf-8")

    assert message(path) == f"{path}, item 2: an example without a completion (its fields: prompt)"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"prompt": "p"}', " is not a JSON list of examples (with one object a line, its extension is .jsonl)"),
        (
            GOOD * 2,
            ": not JSON: Extra data (line 2, column 1) (is it one object a line? then its extension is .jsonl)",
        ),
    ],
)
def test_json_that_is_no_list(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "data.json"
    path.write_text(content, encoding="utf-8")

    assert message(path) == f"{path}{expected}"


def test_a_row_of_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"prompt": ["p", "p"], "completion": ["c", None]}), path)

    assert message(path) == f"{path}, row 2: an example without a completion (its fields: prompt)"


def test_meta_that_json_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"prompt": ["p"], "completion": ["c"], "meta": [{"raw": b"x"}]}), path)

    expected = "meta cannot be written as JSON: Object of type bytes is not JSON serializable"
    assert message(path) == f"{path}, row 1: {expected}"


def test_damaged_files(tmp_path: Path) -> None:
    plain, parquet = tmp_path / "plain.jsonl.gz", tmp_path / "x.parquet"
    plain.write_text(GOOD, encoding="utf-8")
    parquet.write_bytes(b"PAR1 no")

    assert message(plain).startswith(f"{plain} is not a whole gzip file: Not a gzipped file")
    assert message(parquet).startswith(f"{parquet} is not a whole Parquet file: ")


def test_a_gzip_file_that_ends_early(tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress((GOOD * 100).encode())[:-12])

    assert message(path).startswith(f"{path} is not a whole gzip file: ")


def test_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(GOOD, encoding="utf-8")

    missing, nowhere = tmp_path / "trian.jsonl", tmp_path / "no" / "train.jsonl"
    assert message(missing) == f"no such file: {missing} (did you mean 'train.jsonl'?)"
    assert message(nowhere) == f"no such file: {nowhere} (there is no folder {nowhere.parent})"
    with pytest.raises(ZsgError, match=r"^no such file: "):
        Jsonl(path=str(missing)).fingerprint()


@pytest.mark.parametrize("name", ["data.csv", "data", "data.txt.gz"])
def test_an_unknown_extension(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(GOOD, encoding="utf-8")

    own = name.removeprefix("data")
    read = ".jsonl, .jsonl.gz, .json, .parquet, or a folder of them"
    assert message(path) == f"{path}: unknown extension {own!r} (what is read: {read})"


@pytest.mark.parametrize("content", ["", "\n \n"])
@pytest.mark.parametrize("name", ["data.jsonl", "data.json"])
def test_an_empty_file(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")

    assert message(path) == f"{path} is empty: it holds no examples"


def test_an_empty_folder(tmp_path: Path) -> None:
    assert message(tmp_path) == f"{tmp_path} holds no data files (.jsonl, .jsonl.gz, .json, .parquet)"


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(GOOD, encoding="utf-8")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")  # as root, no mode of a file would refuse

    monkeypatch.setattr(Path, "open", refuse)

    assert message(path) == f"{path} cannot be read: Permission denied"


def test_one_id_twice_names_both_lines(tmp_path: Path) -> None:
    one, two = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    row = {"id": "x", "prompt": "p", "completion": "c"}
    one.write_text(GOOD + json.dumps(row) + "\n", encoding="utf-8")
    two.write_text(json.dumps(row) + "\n", encoding="utf-8")

    assert message(tmp_path) == f"{two}, line 1: the id 'x' was used before, at {one}, line 2"


PARAMETERS = {
    "jsonl": "parameter 'path' is required",
    "jsonl[path=x,unsen=0.2]": "unknown parameter 'unsen' (did you mean 'unseen'?)",
    "jsonl[path=3]": "parameter 'path': should be a valid string, got 3",
    "jsonl[path=s3://bucket/x.jsonl]": "parameter 'path': should be a local file or folder, got 's3://bucket/x.jsonl'",
    "jsonl[path=x,split_by=tasks]": "parameter 'split_by': should be 'task' or 'source', got 'tasks'",
    "jsonl[path=x,split_seed=a]": (
        "parameter 'split_seed': should be a valid integer, unable to parse string as an integer, got 'a'"
    ),
} | {
    f"jsonl[path=x,unseen={value}]": (
        "parameter 'unseen': should be a list of task names, a file of them, or a fraction between 0 and 1, "
        f"got {json.loads(value)!r}"
    )
    for value in ("1.5", "0", "1", "-0.1", "true", '["a",1]', "{}")
}


@pytest.mark.parametrize("reference", PARAMETERS)
def test_wrong_parameters(reference: str) -> None:
    with pytest.raises(ZsgError) as caught:
        bind(Jsonl, parse_reference(reference))

    assert str(caught.value) == f"dataset 'jsonl': {PARAMETERS[reference]}"
