"""P3: T0's lists, the layouts of its files, and T0's own training mixture where it is at hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zsg_plugins.datasets.p3 import P3, T0_SOURCES
from zsg_registry import Example, ZsgError

Load = Callable[..., list[Example]]
REAL = Path(os.environ.get("ZSG_P3_DATA", Path(__file__).parents[3] / ".." / "shared" / "data" / "p3"))
ROWS = "p3_t0_train_55k.jsonl.gz"


def rows(*names: str) -> list[dict[str, Any]]:
    return [{"inputs_pretokenized": f"Is it {name}?\n", "targets_pretokenized": f" {name}\n"} for name in names]


def columns(*names: str, **more: Any) -> dict[str, Any]:
    found = rows(*names)
    return {field: [row[field] for row in found] for field in found[0]} | more


def told(examples: list[Example]) -> list[tuple[str | None, str | None, str, str | None]]:
    return [(example.task, example.source, example.side, example.completion) for example in examples]


def test_a_folder_for_each_task_as_on_the_hub(load: Load, snapshot: Callable[[str, str], Any]) -> None:
    write = snapshot(P3.hub, P3.Params().revision)
    choices = [["Yes", " No"], ["Yes", "No"]]
    write.parquet("ag_news_classify/train/0000.parquet", columns("a", "b"))
    write.parquet("ag_news_classify/test/0000.parquet", columns("left out"))
    write.parquet("super_glue_cb_GPT_3_style/train/0000.parquet", columns("left out"))
    write.parquet("super_glue_cb_GPT_3_style/validation/0000.parquet", columns("c", "d", answer_choices=choices))
    write.parquet("super_glue_cb_GPT_3_style_score_eval/validation/0000.parquet", columns("left out"))
    write.parquet("super_glue_boolq_exam/train/0000.parquet", columns("left out"))
    write.parquet("gigaword_summarize_/train/0000.parquet", columns("left out"))

    examples = load(P3)

    assert told(examples) == [
        ("ag_news_classify", "ag_news", "seen", "a"),
        ("ag_news_classify", "ag_news", "seen", "b"),
        ("super_glue_cb_GPT_3_style", "super_glue_cb", "unseen", "c"),
        ("super_glue_cb_GPT_3_style", "super_glue_cb", "unseen", "d"),
    ]
    assert examples[0].prompt == "Is it a?\n"
    assert examples[0].id == "ag_news_classify/0"
    assert examples[2].choices == ("Yes", "No")
    assert P3().unavailable() is None


def test_a_file_for_each_task(load: Load, write: Any) -> None:
    write.lines("data/wiki_qa_Is_This_True_.jsonl", rows("a"))
    write.lines("data/story_cloze_2016_Answer.jsonl", rows("b"))
    write.lines("data/anli_GPT_3_style_r1/validation.jsonl", rows("c"))

    assert told(load(P3, path=write.folder)) == [
        ("anli_GPT_3_style_r1", "anli", "unseen", "c"),
        ("story_cloze_2016_Answer", "story_cloze", "unseen", "b"),
        ("wiki_qa_Is_This_True_", "wiki_qa", "seen", "a"),
    ]


def test_rows_that_name_their_tasks(load: Load, write: Any) -> None:
    plain = {"source": "mine", "prompt": "p", "completion": "c"}
    path = write.lines("p3.jsonl", [{"task": task, **plain} for task in ("imdb_x", "hellaswag_y", "piqa_z")])

    assert told(load(P3, path=path)) == [("imdb_x", "mine", "seen", "c"), ("hellaswag_y", "mine", "unseen", "c")]
    by_name = load(P3, path=path, unseen=["piqa_z"])
    assert [(example.task, example.side) for example in by_name] == [
        ("imdb_x", "seen"), ("hellaswag_y", "seen"), ("piqa_z", "unseen")
    ]  # fmt: skip


def test_no_more_of_a_task_than_asked_for(load: Load, write: Any) -> None:
    write.lines("imdb_x.jsonl", rows("a", "b"))
    mixed = [{"task": f"anli_{n % 2}", "prompt": "p", "completion": str(n)} for n in range(6)]
    write.lines("others.jsonl", mixed)

    examples = load(P3, path=write.folder, max_per_task=1)

    assert [(example.task, example.completion) for example in examples] == [
        ("imdb_x", "a"), ("anli_0", "0"), ("anli_1", "1")
    ]  # fmt: skip


def test_faults(load: Load, write: Any) -> None:
    path = write.lines("imdb_x.jsonl", rows("a"))
    with pytest.raises(ZsgError) as caught:
        load(P3, path=path)
    assert str(caught.value) == (
        f"{path} has no task that T0 held out (anli, hellaswag, story_cloze, super_glue_cb, super_glue_copa, "
        f"super_glue_rte …): give unseen=…"
    )
    write.lines("imdb_x.jsonl", [{"inputs": [1], "targets": [2]}])
    with pytest.raises(ZsgError, match=r"imdb_x.jsonl, line 1: an example without a prompt \(its fields: task\)$"):
        load(P3, path=path)
    other = write.parquet("imdb_x/train.parquet", {"inputs": [[1]], "targets": [[2]]})
    with pytest.raises(ZsgError, match=r"has the columns inputs, targets, and none of those that are read \(answer_c"):
        load(P3, path=other)


def test_a_fingerprint_tells_of_names_bytes_and_split(write: Any) -> None:
    def fingerprint(**params: Any) -> str:
        return P3(path=str(write.folder), **params).fingerprint()

    first = write.lines("imdb_x.jsonl", rows("a"))
    write.lines("anli_y.jsonl", rows("b"))
    before = fingerprint()
    assert fingerprint(unseen=["imdb_x"]) != before
    assert P3(path=str(write.folder), unseen=["imdb_x"]).identity_params() == {}
    first.rename(first.with_stem("imdb_z"))
    assert fingerprint() != before
    assert P3().fingerprint() == P3().fingerprint() != P3(revision="0" * 40).fingerprint()


def test_no_source_is_on_both_sides() -> None:
    seen, unseen = (set(T0_SOURCES[side]) for side in ("seen", "unseen"))
    assert (len(seen), len(unseen)) == (36, 9)
    assert not any(one.startswith(other) or other.startswith(one) for one in seen for other in unseen)


@pytest.mark.skipif(not (REAL / ROWS).is_file(), reason="the P3 data is not here; ZSG_P3_DATA names its folder")
def test_all_of_t0s_training_mixture_is_recognised(load: Load) -> None:
    examples = load(P3, path=REAL / ROWS, unseen=str(REAL / "split.json"))
    assert len(examples) == 53_785
    recognised = {task for task in {example.task or "" for example in examples} if task.startswith(T0_SOURCES["seen"])}
    assert len(recognised) == 276
