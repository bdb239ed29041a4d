"""Flan-mini: its records, and the paper's list of keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zsg_plugins.datasets.flan_mini import FlanMini, source_of
from zsg_registry import Example, ZsgError

Load = Callable[..., list[Example]]


def record(task: str, *texts: str) -> dict[str, Any]:
    speakers = ("human", "gpt")
    turns = [{"from": speakers[number % 2], "value": text} for number, text in enumerate(texts)]
    return {"id": f"identity_flan_{task}", "source": task, "conversations": turns}


RECORDS = [
    record("task061_ropes_answer_generation", "Q: Sandra or Michelle?\nA:\n", " Michelle."),
    record("task061_ropes_answer_generation", "Q: Which?", "This\n"),
    record("glue/wnli:2.0.0", "Same?", "Yes"),
    record("cot_strategyqa_ii", "Why?", "Because", "Really?", " So it is "),
    record("elsewhere", "x", "y"),
]


@pytest.fixture
def data(write: Any) -> Any:
    return write.json("flan_mini.json", RECORDS)


@pytest.fixture
def keys(write: Any) -> Any:
    lists = {"train_key_list": ["task061_ropes_answer_generation", "cot_strategyqa_ii"]}
    return write.json("keys.json", lists | {"eval_key_list": ["glue/wnli:2.0.0"]})


def test_examples_and_the_papers_split(load: Load, data: Any, keys: Any) -> None:
    first, second, third, fourth = load(FlanMini, path=data, keys=keys)

    assert first == Example(
        "task061_ropes_answer_generation/0",
        "task061_ropes_answer_generation",
        "ropes",
        "seen",
        prompt="Q: Sandra or Michelle?\nA:",
        completion="Michelle.",
    )
    assert (second.id, second.completion) == ("task061_ropes_answer_generation/1", "This")
    assert (third.task, third.side) == ("glue/wnli:2.0.0", "unseen")
    assert fourth.prompt is None
    assert fourth.messages is not None
    assert fourth.messages[-1] == ("assistant", "So it is")


def test_parquet_as_on_the_hub_is_the_same(load: Load, data: Any, keys: Any, snapshot: Any) -> None:
    columns = {name: [row[name] for row in RECORDS] for name in RECORDS[0]}
    snapshot(FlanMini.hub, FlanMini.Params().revision).parquet("data/chunk_0.parquet", columns)

    assert load(FlanMini, keys=keys) == load(FlanMini, path=data, keys=keys)


def test_without_keys_tasks_are_drawn_or_named(load: Load, data: Any) -> None:
    drawn = load(FlanMini, path=data, unseen=0.5)
    assert len(drawn) == 5
    assert len({example.task for example in drawn if example.side == "unseen"}) == 2
    assert drawn == load(FlanMini, path=data, unseen=0.5)
    named = load(FlanMini, path=data, unseen=["elsewhere"])
    assert [example.task for example in named if example.side == "unseen"] == ["elsewhere"]


def test_a_folder_with_the_list_in_it(load: Load, data: Any, keys: Any, write: Any) -> None:
    assert len(load(FlanMini, path=write.folder, keys=keys)) == 4


def test_keys_from_a_url(load: Load, data: Any, keys: Any) -> None:
    dataset = FlanMini(path=str(data), keys=keys.as_uri())

    assert load(FlanMini, path=data, keys=keys.as_uri()) == load(FlanMini, path=data, keys=keys)
    assert dataset.unavailable() == (
        f"keys = {keys.as_uri()} is a URL and the network is off: download it, and pass its path"
    )
    assert dataset.fingerprint() != FlanMini(path=str(data), keys=str(keys)).fingerprint()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (["a"], "{keys} is not an object with the lists of task names 'train_key_list' and 'eval_key_list'"),
        ({"train_key_list": ["a"], "eval_key_list": ["b", "a"]}, "{keys} has the task 'a' in both lists"),
        (
            {"train_key_list": ["elswhere"], "eval_key_list": []},
            "the list of keys names 'elswhere', which is not in {data} (did you mean 'elsewhere'?)",
        ),
    ],
)
def test_a_list_that_does_not_fit(load: Load, data: Any, keys: Any, write: Any, content: Any, expected: str) -> None:
    write.json("keys.json", content)
    with pytest.raises(ZsgError) as caught:
        load(FlanMini, path=data, keys=keys)
    assert str(caught.value) == expected.format(keys=keys, data=data)


def test_faults_of_records(load: Load, write: Any) -> None:
    path = write.json("flan.json", [record("a", "x", "y"), {"conversations": []}])
    with pytest.raises(ZsgError, match=r"flan.json, item 2: no 'source', which is the task of a record of Flan-mini$"):
        load(FlanMini, path=path)
    write.json("flan.json", [record("a", "x", "y"), record("b", "alone")])
    with pytest.raises(ZsgError, match=r"flan.json, item 2: nothing is answered$"):
        load(FlanMini, path=path)
    write.json("flan.json", [{"source": "a", "inputs": "x"}])
    with pytest.raises(ZsgError, match=r"item 1: no dialogue: needs a list 'messages' or .* \(its fields: source, inp"):
        load(FlanMini, path=path)


@pytest.mark.parametrize(
    ("task", "source"),
    [
        ("task061_ropes_answer_generation", "ropes"),
        ("ropes_prompt_beginning", "ropes"),
        ("task1420_mathqa_general", "mathqa"),
        ("gigaword:1.2.0", "gigaword"),
        ("glue/wnli:2.0.0", "glue"),
        ("math_dataset/algebra__linear_1d:1.0.0", "mathdataset"),
        ("task834_mathdataset_classification", "mathdataset"),
        ("cot_strategyqa_ii", "strategyqa"),
        ("cos_e_v1.11_question_description_option_id", "cose"),
        ("race_middle_Select_the_best_answer", "racemiddle"),
        ("fix_punct", None),
    ],
)
def test_the_source_that_a_name_tells(task: str, source: str | None) -> None:
    assert source_of(task) == source
