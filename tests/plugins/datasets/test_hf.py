"""`hf`: whatever the library `datasets` reads, its columns recognised or named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from zsg_plugins.datasets.hf import HuggingFace
from zsg_registry import Dataset, Example, Message, ZsgError, bind, parse_reference

Load = Callable[..., list[Example]]
COMMIT = "0123456789" * 4
TURNS = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
OLD = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
DIALOGUE = (Message("user", "q"), Message("assistant", "a"))

SHAPES: dict[str, tuple[dict[str, Any], Example]] = {
    "alpaca": (
        {"instruction": "Add.", "input": "1 and 2", "output": "3"},
        Example("0", prompt="Add.\n\n1 and 2", completion="3", instruction="Add."),
    ),
    "alpaca without input": (
        {"instruction": "Say hi.", "input": "", "output": "hi"},
        Example("0", prompt="Say hi.", completion="hi", instruction="Say hi."),
    ),
    "dolly": (
        {"instruction": "Who?", "context": "Ann did.", "response": "Ann", "category": "closed_qa"},
        Example("closed_qa/0", "closed_qa", prompt="Who?\n\nAnn did.", completion="Ann", instruction="Who?"),
    ),
    "tulu 2": ({"dataset": "flan_v2", "messages": TURNS}, Example("0", source="flan_v2", messages=DIALOGUE)),
    "tulu 3": ({"source": "ai2/x", "messages": TURNS}, Example("0", source="ai2/x", messages=DIALOGUE)),
    "messages": ({"messages": TURNS, "score": 1}, Example("0", messages=DIALOGUE)),
    "sharegpt": ({"conversations": OLD}, Example("0", messages=DIALOGUE)),
    "pairs": ({"prompt": "p", "completion": "c"}, Example("0", prompt="p", completion="c")),
}


@pytest.mark.parametrize(("row", "expected"), SHAPES.values(), ids=SHAPES)
def test_shapes_are_recognised(load: Load, write: Any, row: dict[str, Any], expected: Example) -> None:
    path = write.lines("data.jsonl", [row])

    assert load(HuggingFace, path=path, unseen=None) == [expected]


def test_a_named_shape_and_columns_over_it(load: Load, write: Any) -> None:
    row = {"instruction": "I", "input": "in", "output": "out", "topic": 7, "messages": TURNS, "answers": "x"}
    path = write.lines("data.jsonl", [row])

    (example,) = load(
        HuggingFace, path=path, shape="alpaca", task="topic", references="answers", choices="answers", unseen=None
    )
    assert (example.task, example.prompt, example.references, example.choices) == ("7", "I\n\nin", ("x",), ("x",))
    (example,) = load(HuggingFace, path=path, prompt="input", completion="topic", unseen=None)
    assert (example.prompt, example.completion, example.instruction) == ("in", "7", None)
    (example,) = load(HuggingFace, path=path, messages="messages", unseen=None)
    assert example.messages == DIALOGUE


@pytest.mark.parametrize("name", ["data.json", "data.csv", "data.parquet"])
def test_files_of_several_formats(load: Load, write: Any, name: str) -> None:
    rows = [{"question": f"q{n}", "answer": n, "group": "ab"[n % 2]} for n in range(4)]
    if name.endswith("csv"):
        path = write.text(
            name, "question,answer,group\n" + "".join(",".join(map(str, r.values())) + "\n" for r in rows)
        )
    elif name.endswith("json"):
        path = write.json(name, rows)
    else:
        path = write.parquet(name, {key: [row[key] for row in rows] for key in rows[0]})

    examples = load(HuggingFace, path=path, prompt="question", completion="answer", task="group", unseen=["b"])

    assert [(e.id, e.prompt, e.completion, e.side) for e in examples] == [
        ("a/0", "q0", "0", "seen"),
        ("b/0", "q1", "1", "unseen"),
        ("a/1", "q2", "2", "seen"),
        ("b/1", "q3", "3", "unseen"),
    ]


@pytest.fixture
def repository() -> Callable[[Any], Path]:
    """Fills a folder as a repository of the hub: a card with two configurations, one of them with two splits."""

    def fill(write: Any) -> Path:
        write.text(
            "README.md",
            "---\nconfigs:\n- config_name: first\n  data_files:\n  - split: train\n    path: a/one.parquet\n"
            "  - split: test\n    path: a/two.parquet\n- config_name: second\n  data_files: b/*.parquet\n---\n# Card\n",
        )
        for name, text in (("a/one", "1"), ("a/two", "2"), ("b/three", "3")):
            write.parquet(f"{name}.parquet", {"prompt": [f"p{text}"], "completion": [text]})
        return Path(write.folder)

    return fill


def test_a_folder_like_a_repository_of_the_hub(load: Load, write: Any, repository: Callable[[Any], Path]) -> None:
    folder = repository(write)

    def answers(**params: Any) -> list[str | None]:
        return [example.completion for example in load(HuggingFace, path=folder, unseen=None, **params)]

    assert answers(config="first") == ["1"]
    assert answers(config="first", split="test") == ["2"]
    assert answers(config="second") == ["3"]
    assert answers(files=["*/t*.parquet"]) == ["2", "3"]
    with pytest.raises(ZsgError, match=r"cannot be read by the library 'datasets': .*\['first', 'second'\]"):
        answers()
    with pytest.raises(ZsgError, match=r"cannot be read by the library 'datasets': Unknown split \"tset\""):
        answers(config="first", split="tset")


def test_a_hub_id_from_the_cache_or_not_at_all(
    load: Load, snapshot: Callable[[str, str], Any], repository: Callable[[Any], Path], tmp_path: Path
) -> None:
    def made(params: str) -> Dataset:
        return bind(HuggingFace, parse_reference(f"hf[path=org/name,config=first{params}]"), base_dir=tmp_path)

    write = snapshot("org/name", COMMIT)
    assert made("").unavailable() == (
        "the data set 'org/name' is not in the local cache and the network is off: pass the path of a file or folder, "
        "unset HF_HUB_OFFLINE, or once, with network: hf download org/name --repo-type dataset --revision main"
    )
    repository(write)
    (write.folder.parents[1] / "refs").mkdir()
    (write.folder.parents[1] / "refs" / "main").write_text(COMMIT)

    assert made("").unavailable() is None
    assert [e.completion for e in load(HuggingFace, path="org/name", config="first", unseen=None)] == ["1"]
    # A branch is known by the commit that it stands for.
    assert made("").fingerprint() == made(f",revision={COMMIT}").fingerprint()
    assert made("").identity_params() == made(f",revision={COMMIT}").identity_params() == {"config": "first"}
    assert made(",revision=other").unavailable() is not None


def test_saved_tables_and_classes_with_names(load: Load, tmp_path: Path) -> None:
    features = datasets.Features(
        {"prompt": datasets.Value("string"), "completion": datasets.ClassLabel(names=["no", "yes"])}
    )
    table = datasets.Dataset.from_dict({"prompt": ["a", "b"], "completion": [1, 0]}, features=features)
    table.save_to_disk(str(tmp_path / "table"))
    datasets.DatasetDict({"train": table}).save_to_disk(str(tmp_path / "tables"))

    for name in ("table", "tables"):
        examples = load(HuggingFace, path=tmp_path / name, unseen=None)
        assert [example.completion for example in examples] == ["yes", "no"]
    with pytest.raises(ZsgError, match=r"tables has no split 'dev' \(there are: train\)$"):
        load(HuggingFace, path=tmp_path / "tables", split="dev")


@pytest.mark.parametrize(
    ("row", "params", "expected"),
    [
        (
            {"question": "q", "answer": "a"},
            {},
            "{path}: these columns were found: question, answer; needed are instruction + context + response or "
            "instruction + output or messages or conversations or prompt + completion, or prompt=… and completion=… "
            "that name the right ones",
        ),
        (
            {"question": "q", "answer": "a"},
            {"prompt": "qestion", "completion": "answer"},
            "{path}: prompt = 'qestion', but there is no such column (did you mean 'question'?)",
        ),
        (
            {"instruction": "q", "answer": "a"},
            {"shape": "alpaca"},
            "{path}: the shape 'alpaca' needs the columns instruction, output, and these were found: instruction, "
            "answer",
        ),
        (
            {"prompt": "p", "completion": None},
            {},
            "{path}, row 1: an example without a completion (its fields: prompt)",
        ),
        ({"messages": []}, {}, "none of 1 dialogues is whole (nothing is answered: {path}, row 1)"),
    ],
)
def test_wrong_columns(load: Load, write: Any, row: Any, params: dict[str, Any], expected: str) -> None:
    path = write.lines("data.jsonl", [row])
    with pytest.raises(ZsgError) as caught:
        load(HuggingFace, path=path, unseen=None, **params)
    assert str(caught.value) == expected.format(path=path)


def test_damaged_files(load: Load, write: Any) -> None:
    path = write.text("data.jsonl", '{"prompt": "p", "comple')
    with pytest.raises(ZsgError, match=r"data.jsonl cannot be read by the library 'datasets': ") as caught:
        load(HuggingFace, path=path)
    assert "\n" not in str(caught.value)
    path = write.text("half.parquet", "PAR1")
    with pytest.raises(ZsgError, match=r"half.parquet cannot be read by the library 'datasets': "):
        load(HuggingFace, path=path)


def test_a_path_is_found_beside_the_matrix_and_known_by_its_content(write: Any, tmp_path: Path) -> None:
    def made(text: str) -> Dataset:
        return bind(HuggingFace, parse_reference(text), base_dir=tmp_path)

    path = write.lines("data.jsonl", [{"prompt": "p", "completion": "c"}])
    by_file, by_folder = made("hf[path=data/data.jsonl]"), made("hf[path=data]")
    assert by_file.unavailable() is None
    assert by_file.identity_params() == {}
    before = by_file.fingerprint(), by_folder.fingerprint()
    path.write_text(path.read_text() * 2)
    assert by_file.fingerprint() != before[0]
    assert by_folder.fingerprint() != before[1]
    with pytest.raises(ZsgError, match=r"parameter 'path': there is no file or folder .*/data/dta.jsonl$"):
        made("hf[path=data/dta.jsonl]")


def test_it_tells_where_others_get_the_same_data(tmp_path: Path) -> None:
    commit = "5f" * 20
    assert HuggingFace(path="org/data", revision=commit).published_as() == f"org/data@{commit}"
    assert HuggingFace(path=str(tmp_path)).published_as() is None
