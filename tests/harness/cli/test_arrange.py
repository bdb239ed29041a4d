"""`arrange`: from files to files, in every form; and what it refuses before it has done any work."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zsg_registry import OrderFile, order_hash, set_hash

P3 = Path(os.environ.get("ZSG_P3_DATA", Path(__file__).parents[3] / ".." / "shared" / "data" / "p3"))
P3_FILE = P3 / "p3_t0_train_55k.jsonl.gz"


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool of 40, a query with answers, and one without."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kinds = ("river lake sea", "tax budget money")
    pool = [
        {"prompt": f"{kinds[i % 2]} {i}", "completion": f"answer {i}", "task": f"t{i % 2}", "source": "s"}
        for i in range(40)
    ]
    queries = [{"prompt": "how deep is the sea", "completion": "deep"}, {"prompt": "a lake or a river"}]
    write(tmp_path / "pool.jsonl", pool)
    write(tmp_path / "query.jsonl", queries[:1])
    write(tmp_path / "prompts.jsonl", queries)
    write(tmp_path / "empty.jsonl", [])
    write(tmp_path / "broken.jsonl", [{"prompt": "p"}])


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


TMA = ["arrange", "pool.jsonl", "--query", "query.jsonl", "-a", "tma", "-e", "tfidf"]


def test_data_in_its_order_for_a_trainer(zsg: Callable[..., Any], tmp_path: Path) -> None:
    result = zsg(*TMA, "--budget", 12, "--batch-size", 5, "--out", "ordered.jsonl")
    assert result.code == 0
    assert result.err == ""
    rows = lines(tmp_path / "ordered.jsonl")
    pool = {f"t{i % 2}/{i // 2}": row for i, row in enumerate(lines(tmp_path / "pool.jsonl"))}
    assert list(rows[0]) == ["prompt", "completion", "id", "task", "source", "stage", "score", "step"]
    for row in rows:
        assert {name: row[name] for name in ("prompt", "completion", "task", "source")} == pool[row["id"]]
    assert [row["step"] for row in rows] == [1] * 5 + [2] * 5 + [3] * 2
    assert [row["stage"] for row in rows] == list(range(12))
    document = json.loads((tmp_path / "ordered.order.json").read_text())
    ids = [row["id"] for row in rows]
    assert document["set_hash"] == set_hash(ids)
    assert document["order_hash"] == order_hash(ids, [5, 10, 12])
    shown = result.out
    assert document["set_hash"] in shown
    assert document["order_hash"] in shown
    assert "12 of 40" in shown


def test_the_order_by_ids_says_where_it_came_from(zsg: Callable[..., Any], tmp_path: Path) -> None:
    result = zsg(*TMA, "--budget", 12, "--oracle", "--out", "a/order.parquet", "--out", "a/ordered.jsonl", "--json")
    assert result.code == 0
    document = result.json["order"]
    assert result.json["files"] == ["a/order.parquet", "a/ordered.jsonl", "a/ordered.order.json"]
    file = OrderFile.read(tmp_path / "a" / "order.parquet")
    assert dict(file.document) == document
    assert list(file.ids) == [row["id"] for row in lines(tmp_path / "a" / "ordered.jsonl")]
    (component,) = document["components"]
    assert component == {"distribution": "zsg-harness", "name": "tma", "revision": component["revision"], "params": {}}
    assert document["embedder"]["reference"] == "tfidf"
    told = ("arrangement", "access", "oracle", "seed", "budget", "model")
    assert [document[name] for name in told] == ["tma", "answers", True, None, 12, None]
    assert (document["pool"]["examples"], document["query"]["examples"]) == (40, 1)


def test_an_order_goes_through_a_file_and_back(zsg: Callable[..., Any], tmp_path: Path) -> None:
    assert zsg(*TMA, "--out", "order.parquet").code == 0
    backwards = lines(tmp_path / "pool.jsonl")
    for number, row in enumerate(backwards):
        row["id"] = f"t{number % 2}/{number // 2}"
    write(tmp_path / "backwards.jsonl", backwards[::-1])
    replay = ["arrange", "backwards.jsonl", "-a", "replay[file=order.parquet]", "--query", "query.jsonl"]
    assert zsg(*replay, "--out", "again.parquet").code == 0
    first, again = (OrderFile.read(tmp_path / name) for name in ("order.parquet", "again.parquet"))
    assert again.ids == first.ids
    assert again.document["order_hash"] == first.document["order_hash"]
    assert again.document["access"] == "answers"
    assert again.order.stages is not None
    assert first.order.stages is not None
    assert again.order.stages.tolist() == first.order.stages.tolist()


def test_a_query_without_answers_and_one_that_is_not_used(zsg: Callable[..., Any], tmp_path: Path) -> None:
    prompts = ["arrange", "pool.jsonl", "--query", "prompts.jsonl", "-e", "tfidf", "--out", "o.jsonl"]
    assert zsg(*prompts, "-a", "tma[view=prompt]", "--budget", 20).code == 0
    assert {row["task"] for row in lines(tmp_path / "o.jsonl")} == {"t0"}
    unused = zsg(*prompts, "-a", "random")
    assert unused.code == 0
    assert unused.err == "the query was not used: random looks at none\n"
    assert zsg(*prompts, "-a", "random", "-q").err == ""


def test_a_data_set_brings_its_own_query(zsg: Callable[..., Any], tmp_path: Path) -> None:
    small = "procedural[examples_per_seen_task=2,examples_per_unseen_task=2]"
    result = zsg("arrange", small, "-a", "cluster | head[n=6]", "--budget", 10, "--out", "o.jsonl", "--json")
    assert result.json["order"]["pool"]["examples"] == 112
    assert result.json["order"]["query"] is None
    rows = lines(tmp_path / "o.jsonl")
    assert [row["stage_name"] for row in rows] == [row["task"] for row in rows]
    nft = ["arrange", small, "-a", "nft", "-e", "tfidf", "--budget", 10, "--out", "o.jsonl", "--json"]
    assert zsg(*nft).json["order"]["query"]["examples"] == 24
    assert zsg(*nft, "--query", "query.jsonl").json["order"]["query"]["examples"] == 1


def test_dialogues_make_every_row_a_dialogue(zsg: Callable[..., Any], tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]
    write(tmp_path / "mixed.jsonl", [{"messages": turns}, {"prompt": "p", "completion": "c"}])
    assert zsg("arrange", "mixed.jsonl", "-a", "sequential", "--out", "o.jsonl").code == 0
    rows = lines(tmp_path / "o.jsonl")
    assert [row["messages"] for row in rows] == [
        turns,
        [{"role": "user", "content": "p"}, {"role": "assistant", "content": "c"}],
    ]
    assert all("prompt" not in row for row in rows)


def test_a_token_budget(zsg: Callable[..., Any], tmp_path: Path) -> None:
    command = ["arrange", "pool.jsonl", "-a", "sequential", "--token-budget", 150, "-m", "zsg-tiny"]
    result = zsg(*command, "--out", "o.jsonl", "--json")
    assert result.code == 0
    assert 3 < len(lines(tmp_path / "o.jsonl")) < 40
    assert result.json["order"]["token_budget"] == 150
    assert result.json["order"]["model"]["use"] == "zsg-tiny"


OUT = ["--out", "out.jsonl"]
WRONG = [
    (["arrange", "pol.jsonl", "-a", "random", *OUT], "'pool.jsonl'"),
    (["arrange", "./no/pool.jsonl", "-a", "random", *OUT], "no such file"),
    (["arrange", "procedral", "-a", "random", *OUT], "'procedural'"),
    (["arrange", "jsonl[path=pol.jsonl]", "-a", "random", *OUT], "'pool.jsonl'"),
    (["arrange", "empty.jsonl", "-a", "random", *OUT], "is empty"),
    (["arrange", "broken.jsonl", "-a", "random", *OUT], "broken.jsonl, line 1"),
    (["arrange", "pool.jsonl", "-a", "rndom", *OUT], "'random'"),
    (["arrange", "pool.jsonl", "-a", "nft", "-e", "tfdf", *OUT], "'tfidf'"),
    (["arrange", "pool.jsonl", "-a", "nft", *OUT], "needs a query"),
    (["arrange", "pool.jsonl", "-a", "nft", "-e", "tfidf", "--query", "qery.jsonl", *OUT], "'query.jsonl'"),
    (["arrange", "pool.jsonl", "-a", "nft", "-e", "tfidf", "--query", "empty.jsonl", *OUT], "is empty"),
    (["arrange", "pool.jsonl", "-a", "nft", "-e", "tfidf", "--query", "prompts.jsonl", *OUT], "prompts.jsonl, line 2"),
    (
        ["arrange", "pool.jsonl", "-a", "random", "--budget", "41", *OUT],
        "the budget is 41 examples, and the pool has 40",
    ),
    (["arrange", "pool.jsonl", "-a", "random", "--budget", "some", *OUT], "'some'"),
    (["arrange", "pool.jsonl", "-a", "random", "--budget", "0", *OUT], "'0'"),
    (["arrange", "pool.jsonl", "-a", "random", "--token-budget", "9", *OUT], "--model"),
    (["arrange", "pool.jsonl", "-a", "sort[by=loss]", *OUT], "needs a base model (losses): name one with --model"),
    (["arrange", "pool.jsonl", "-a", "skill-it", *OUT], "no order before that"),
    (["arrange", "pool.jsonl", "-a", "replay[file=no.parquet]", *OUT], "no.parquet cannot be read: No such file"),
    (["arrange", "pool.jsonl", "-a", "replay[file=pool.jsonl]", *OUT], "not a whole Parquet file"),
    (["arrange", "pool.jsonl", "-a", "random", "--out", "out.txt"], "must end with .jsonl or .parquet"),
    (["arrange", "pool.jsonl", "-a", "random", "--out", "pool.jsonl/out.jsonl"], "is not a folder"),
    (["arrange", "pool.jsonl", "-a", "random"], "--out"),
    (["arrange", "pool.jsonl", *OUT], "--arrangement"),
]


@pytest.mark.parametrize(("args", "hint"), WRONG, ids=[" ".join(args[1:]) for args, _ in WRONG])
def test_wrong_input_is_one_line(args: list[str], hint: str, zsg: Callable[..., Any], tmp_path: Path) -> None:
    result = zsg(*args)
    assert result.code == 2
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert result.err.startswith("zsg-harness: error: ")
    assert hint in result.err
    assert not list(tmp_path.glob("out.*"))


@pytest.mark.skipif(not P3_FILE.is_file(), reason="the P3 data is not here; ZSG_P3_DATA names its folder")
def test_p3_from_the_shell(zsg_process: Callable[..., Any], tmp_path: Path) -> None:
    import gzip
    import itertools

    with gzip.open(P3_FILE, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in itertools.islice(file, 0, 6000, 75)]
    write(tmp_path / "p3.jsonl", rows[:70])
    write(tmp_path / "wanted.jsonl", rows[70:])
    out = tmp_path / "ordered.jsonl"
    command = ["arrange", tmp_path / "p3.jsonl", "--query", tmp_path / "wanted.jsonl", "-a", "tma", "--budget", 50]
    result = zsg_process(*command, "--out", out, "--cache", tmp_path / "embeddings", "--json")
    assert result.code == 0, result.err
    ordered = lines(out)
    assert len({row["id"] for row in ordered}) == 50
    assert result.json["order"]["embedder"]["name"] == "minilm"
    assert [(part["role"], part["texts"]) for part in result.json["embedded"]] == [("pool", 70), ("query", 10)]
    assert all(part["truncated"] is not None for part in result.json["embedded"])
    known = {(row["prompt"], row["completion"]) for row in rows[:70]}
    assert all((row["prompt"], row["completion"]) in known for row in ordered)
