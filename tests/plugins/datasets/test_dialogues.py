"""No Robots, ShareGPT and UltraChat: roles, broken dialogues, held-out examples."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from zsg_plugins.datasets.dialogues import Broken, Dialogues, messages_of
from zsg_plugins.datasets.no_robots import NoRobots
from zsg_plugins.datasets.sharegpt import ShareGpt
from zsg_plugins.datasets.ultrachat import UltraChat
from zsg_registry import Example, ExampleSet, ZsgError

Load = Callable[..., list[Example]]


def chat(*texts: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]


def old_chat(*texts: str) -> list[dict[str, str]]:
    return [{"from": ("human", "gpt")[n % 2], "value": text} for n, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("component", "name", "published"),
    [
        (NoRobots, "data/train_sft-0.parquet", lambda texts: {"prompt_id": "p", "messages": chat(*texts)}),
        (UltraChat, "train.jsonl", lambda texts: {"id": "0", "data": list(texts)}),
        (UltraChat, "data/train-0.parquet", lambda texts: {"prompt": "x", "messages": chat(*texts)}),
        (ShareGpt, "sharegpt_gpt4.json", lambda texts: {"id": "a_0", "items": old_chat(*texts)}),
        (ShareGpt, "sharegpt_clean.json", lambda texts: {"id": "a_0", "conversations": old_chat(*texts)}),
    ],
)
def test_official_formats(
    load: Load, write: Any, component: type[Dialogues], name: str, published: Callable[[Any], dict[str, Any]]
) -> None:
    texts = [[f"question {n}", f"answer {n}", "And?", "No."][: 2 + 2 * (n % 2)] for n in range(20)]
    records = [published(turns) for turns in texts]
    if name.endswith("parquet"):
        write.parquet(name, {key: [record[key] for record in records] for key in records[0]})
    else:
        (write.lines if name.endswith("l") else write.json)(name, records)

    examples = load(component, path=write.folder, unseen=0.1)

    assert [[message.content for message in example.messages or ()] for example in examples] == texts
    assert {example.task for example in examples} == {None}
    assert [message.role for message in examples[1].messages or ()] == ["user", "assistant"] * 2
    held_out = [example.id for example in examples if example.side == "unseen"]
    assert len(held_out) == 2
    assert held_out == [
        example.id for example in load(component, path=write.folder, unseen=0.1) if example.side != "seen"
    ]
    assert len(ExampleSet.from_examples(examples)) == 20


def test_published_test_splits_are_left_alone(load: Load, write: Any) -> None:
    for split in ("train_sft", "test_sft", "train_gen", "test_gen"):
        write.lines(f"data/{split}-00000-of-00001.jsonl", [{"messages": chat(split, str(n))} for n in range(4)])

    examples = load(UltraChat, path=write.folder, unseen=0.5)

    assert {example.messages[0].content for example in examples if example.messages} == {"train_sft"}
    (write.folder / "data" / "train_sft-00000-of-00001.jsonl").unlink()
    with pytest.raises(ZsgError, match=r"holds no data files of a training split$"):
        load(UltraChat, path=write.folder)


MENDED = {
    "roles": ([{"from": "Human", "value": "q"}, {"from": "bing", "value": "a"}], ["q", "a"]),
    "an answer before the first question": (old_chat("q", "a")[1:] + old_chat("r", "b"), ["r", "b"]),
    "a question that nobody answered": (chat("q", "a", "r"), ["q", "a"]),
    "a system's turn": ([{"role": "system", "content": ""}, *chat("q", "a")], ["", "q", "a"]),
}


@pytest.mark.parametrize(("turns", "expected"), MENDED.values(), ids=MENDED)
def test_what_is_mended(turns: list[Any], expected: list[str]) -> None:
    assert [message.content for message in messages_of(turns)] == expected


BROKEN = {
    "nothing": ([], "nothing is answered"),
    "no answer": (chat("q"), "nothing is answered"),
    "an empty answer": (chat("q", " "), "an empty turn"),
    "two questions": ([*chat("q"), *chat("q", "a")], "turns that do not alternate"),
    "a late system": ([*chat("q", "a"), {"role": "system", "content": "s"}, *chat("q", "a")], "a system's turn in the"),
    "a tool": ([*chat("q"), {"role": "tool", "content": "x"}], "the unknown role 'tool'"),
    "no text": ([*chat("q"), {"role": "assistant", "content": None}], "a turn without a text"),
    "a number": ([3], "a turn that is neither a text nor an object"),
}


@pytest.mark.parametrize(("turns", "fault"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken(turns: list[Any], fault: str) -> None:
    with pytest.raises(Broken, match=fault):
        messages_of(turns)


def test_broken_dialogues_are_left_out_and_counted(load: Load, write: Any, caplog: pytest.LogCaptureFixture) -> None:
    items = [chat("q", "a"), chat("q"), chat("r", "b"), [], chat("s", "")]
    path = write.json("chats.json", [{"items": turns} for turns in items])
    with caplog.at_level(logging.WARNING):
        examples = load(ShareGpt, path=path, unseen=0.5)

    assert [example.id for example in examples] == ["0", "2"]
    assert [record.getMessage() for record in caplog.records] == [
        f"3 of 5 dialogues are left out (nothing is answered: {path}, item 2; an empty turn: {path}, item 5)"
    ]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], "{path} is empty: it holds no dialogues"),
        ([{"items": []}], "none of 1 dialogues is whole (nothing is answered: {path}, item 1)"),
        (
            [{"text": "x", "id": 1}],
            "{path}, item 1: no dialogue: needs a list 'messages' or 'conversations' or 'items' or 'data' "
            "(its fields: text, id)",
        ),
        (["x"], "{path}, item 1: no dialogue: needs a list 'messages' or 'conversations' or 'items' or 'data' "
         "(its fields: none)"),
    ],
)  # fmt: skip
def test_faults(load: Load, write: Any, records: list[Any], expected: str) -> None:
    path = write.json("chats.json", records)
    with pytest.raises(ZsgError) as caught:
        load(ShareGpt, path=path)
    assert str(caught.value) == expected.format(path=path)


@pytest.mark.parametrize("component", [NoRobots, ShareGpt, UltraChat])
def test_from_the_hubs_cache_or_not_at_all(
    load: Load, snapshot: Callable[[str, str], Any], component: type[Dialogues]
) -> None:
    dataset = component()
    reason = dataset.unavailable() or ""
    commit = dataset.params.revision
    assert reason.startswith(f"the data set {dataset.hub!r} is not in the local cache and the network is off: pass pa")
    before = dataset.fingerprint()

    write = snapshot(dataset.hub, commit)
    name = component.hub_files[0].replace("*", "0")
    rows = [{"messages": chat(f"q{n}", "a")} for n in range(4)]
    if name.endswith("parquet"):
        write.parquet(name, {"messages": [row["messages"] for row in rows]})
    else:
        write.json(name, rows)

    assert dataset.unavailable() is None
    assert len(load(component, unseen=0.5)) == 4
    assert dataset.fingerprint() == before
    assert component(unseen=0.5).fingerprint() != before
