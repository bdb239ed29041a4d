"""A checkout of natural-instructions, and the hub's mirror of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zsg_plugins.datasets.natural_instructions import NaturalInstructions
from zsg_registry import Example, ZsgError, bind, parse_reference

Load = Callable[..., list[Example]]
COMMIT = NaturalInstructions.Params().revision


def task(source: str, instances: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "Contributors": ["Somebody"],
        "Source": [source, "another"],
        "Categories": ["Question Answering"],
        "Definition": [f"Answer about {source}", "an older definition"],
        "Positive Examples": [
            {"input": "one", "output": "1", "explanation": "a digit"},
            {"input": "two", "output": "2", "explanation": "a digit"},
            {"input": "three", "output": "3", "explanation": "a digit"},
        ],
        "Negative Examples": [{"input": "one", "output": "uno", "explanation": "a word"}],
        "Instances": instances,
        **more,
    }


def instance(text: str, *outputs: str) -> dict[str, Any]:
    return {"id": f"id-{text}", "input": text, "output": list(outputs)}


@pytest.fixture
def checkout(write: Any) -> Path:
    write.json("tasks/task1_count.json", task("numbers", [instance("four", "4"), instance("five", "5", "V")]))
    write.json("tasks/task2_greet.json", task("people", [instance("Ann", "Hello")], Definition="Greet?"))
    write.json("tasks/task3_colour.json", task("sky", [instance(str(n), "blue") for n in range(120)]))
    write.json("tasks/task4_odd.json", task("odd", []))
    write.text("splits/default/train_tasks.txt", "task2_greet\ntask1_count\n\n")
    write.text("splits/default/test_tasks.txt", "task3_colour\n")
    write.text("splits/default/excluded_tasks.txt", "task4_odd\n")
    write.text("splits/xlingual/train_tasks.txt", "task1_count")
    write.text("splits/xlingual/test_tasks.txt", "task2_greet")
    return Path(write.folder)


def test_examples_of_a_checkout(load: Load, checkout: Path) -> None:
    examples = load(NaturalInstructions, path=checkout, positive_examples=1)

    assert [example.id for example in examples[:4]] == [
        "task2_greet/0", "task1_count/0", "task1_count/1", "task3_colour/0"
    ]  # fmt: skip
    assert examples[2] == Example(
        id="task1_count/1",
        task="task1_count",
        source="numbers",
        side="seen",
        prompt=(
            "Definition: Answer about numbers.\n\n"
            " Positive Example 1 -\nInput: one.\n Output: 1.\n\n"
            "Now complete the following example -\nInput: five.\nOutput: "
        ),
        completion="5",
        instruction="Answer about numbers",
        references=("5", "V"),
    )
    # Of an unseen task, the hundred that its authors put in front for evaluation.
    assert sum(example.side == "unseen" for example in examples) == 100
    assert {example.task for example in examples if example.side == "unseen"} == {"task3_colour"}


def test_the_other_track_and_fewer_instances(load: Load, checkout: Path) -> None:
    examples = load(NaturalInstructions, path=checkout, track="xlingual", max_per_task=1)

    assert [(example.task, example.side) for example in examples] == [
        ("task1_count", "seen"),
        ("task2_greet", "unseen"),
    ]
    assert examples[1].instruction == "Greet?"


def test_other_splits_than_the_authors(load: Load, checkout: Path) -> None:
    by_name = load(NaturalInstructions, path=checkout, unseen=["task1_count"])
    assert {example.task for example in by_name if example.side == "unseen"} == {"task1_count"}
    by_source = load(NaturalInstructions, path=checkout, unseen=0.4, split_by="source")
    sources = {side: {e.source for e in by_source if e.side == side} for side in ("seen", "unseen")}
    assert (len(sources["seen"]), len(sources["unseen"])) == (2, 1)
    assert not sources["seen"] & sources["unseen"]


def test_every_part_of_a_prompt_can_be_turned_on_and_off(load: Load, checkout: Path) -> None:
    options = {"task_name": True, "definition": False, "positive_examples": 4, "negative_examples": 2}
    prompt = load(NaturalInstructions, path=checkout, explanations=True, max_per_task=1, **options)[0].prompt

    assert prompt is not None
    assert prompt.startswith("task2_greet.  Positive Example 1 -\nInput: one.\n Output: 1.\n Explanation: a digit.\n\n")
    assert prompt.count("Positive Example") == 3
    assert prompt.count("Negative Example") == 1
    assert "Definition" not in prompt


def test_an_instance_without_an_answer_stays(load: Load, checkout: Path, write: Any) -> None:
    write.json("tasks/task2_greet.json", task("people", [instance("Ann"), instance("Bob", "Hi")]))
    first, second, *_ = load(NaturalInstructions, path=checkout)

    assert (first.completion, first.references) == ("", None)
    assert (second.completion, second.references) == ("Hi", ("Hi",))


def fault(load: Load, path: Path, **params: Any) -> str:
    with pytest.raises(ZsgError) as caught:
        load(NaturalInstructions, path=path, **params)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_faults_of_a_checkout(load: Load, checkout: Path, write: Any, tmp_path: Path) -> None:
    file = checkout / "tasks" / "task1_count.json"
    whole = file.read_text()
    file.write_text(whole[: len(whole) // 2])
    assert fault(load, checkout).startswith(f"{file}: not JSON: ")
    file.write_text('{"Definition": ["x"]}')
    assert fault(load, checkout) == f"{file} has no 'Instances' (its fields: Definition)"
    write.json("tasks/task1_count.json", task("numbers", [instance("one", "1"), {"input": "two"}]))
    assert fault(load, checkout) == f"{file}, instance 2: needs a text 'input' and texts 'output'"
    write.json("tasks/task1_count.json", task("n", [], **{"Negative Examples": ["-"]}))
    assert fault(load, checkout, negative_examples=1) == (
        f"{file}, Negative Examples 1: needs the texts 'input' and 'output'"
    )
    file.rename(file.with_stem("task1_counts"))
    assert fault(load, checkout) == (
        f"{checkout}/splits/default/train_tasks.txt names 'task1_count', but there is no {file} "
        f"(did you mean 'task1_counts'?)"
    )
    (checkout / "splits" / "default" / "test_tasks.txt").unlink()
    assert fault(load, checkout) == (
        f"{checkout} is not a checkout of natural-instructions: it has no splits/default/test_tasks.txt "
        f"(path should be the folder that holds tasks/ and splits/)"
    )
    assert fault(load, tmp_path / "nothing").startswith(f"no such file: {tmp_path}/nothing")


def test_the_fingerprint_is_of_the_tracks_tasks_and_the_identity_of_the_encoding(checkout: Path) -> None:
    def made(params: str = "") -> NaturalInstructions:
        return bind(NaturalInstructions, parse_reference(f"x[path=data{params}]"), base_dir=checkout.parent)

    before = made().fingerprint()
    assert made(",explanations=true").fingerprint() == before
    assert made(",explanations=true").identity_params() == {"explanations": True}
    assert made(",positive_examples=2").identity_params() == {}
    (checkout / "tasks" / "task4_odd.json").write_text("{}")
    assert made().fingerprint() == before
    assert made(",track=xlingual").fingerprint() != before
    (checkout / "tasks" / "task3_colour.json").write_text("{}")
    assert made().fingerprint() != before


def mirrored(name: str, number: int, target: str) -> dict[str, str]:
    about = {"task_name": name, "id": f"{name}-{number}", "definition": f"Do {name}"}
    return about | {"inputs": f"input {number}", "targets": target}


def test_the_hubs_mirror(load: Load, snapshot: Callable[[str, str], Any]) -> None:
    write = snapshot(NaturalInstructions.hub, COMMIT)
    rows = [mirrored("task1_a", 0, "x"), mirrored("task1_a", 1, "y"), mirrored("task1_a", 1, "z")]
    write.lines("train/task1_a_train.jsonl", rows)
    write.lines("test/task9_b_test.jsonl", [mirrored("task9_b", 0, "w")])
    write.text("README.md", "")
    dataset = NaturalInstructions(positive_examples=0)

    assert dataset.unavailable() is None
    first, second, third = load(NaturalInstructions, positive_examples=0)
    assert first.prompt == "Definition: Do task1_a.\n\nNow complete the following example -\nInput: input 0.\nOutput: "
    assert (second.completion, second.references) == ("y", ("y", "z"))
    assert (third.id, third.task, third.side, third.source) == ("task9_b/0", "task9_b", "unseen", None)
    # Downloaded by hand, it is the same data in a folder.
    assert load(NaturalInstructions, path=write.folder, positive_examples=0) == [first, second, third]
    assert "has the default track and no examples: pass path=… " in (NaturalInstructions().unavailable() or "")
    assert "has the default track and no examples" in fault(load, write.folder)


def test_a_damaged_mirror(load: Load, snapshot: Callable[[str, str], Any]) -> None:
    write = snapshot(NaturalInstructions.hub, COMMIT)
    write.lines("train/a.jsonl", [{"inputs": "x", "outputs": "y"}])
    write.lines("test/b.jsonl", [])
    assert fault(load, write.folder, positive_examples=0) == (
        f"{write.folder}/train/a.jsonl, line 1: not a row of the mirror, which has the texts task_name, id, "
        f"definition, inputs, targets (its fields: inputs, outputs)"
    )
