"""What a cell tells of scored examples that its pool has too, and how it trains on none of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from zsg_harness.cells.contamination import cell_findings, decontaminated
from zsg_harness.cells.roles import Roles
from zsg_harness.cells.run import run_cell
from zsg_harness.contamination.findings import Kind
from zsg_harness.evaluation.rescore import rescore
from zsg_harness.matrix.expand import Expander
from zsg_harness.plan.cell import Cell
from zsg_harness.plan.changes import changes
from zsg_harness.services.embeddings import EmbeddingService
from zsg_harness.services.surroundings import EmbedSurroundings
from zsg_harness.store.cache import Cache
from zsg_harness.store.store import Store
from zsg_harness.store.verify import Verifier
from zsg_registry import EmbedContext, Example, ExampleSet, Registry, TextEmbedder, ZsgError, parse_pipeline

NUMBERS = ["one", "two", "three", "four", "five", "six"]


def write_data(folder: Path) -> Path:
    """Of the unseen task `leaked` the seen task `copies` has every example; of `fresh` nobody has any."""
    rows = [
        {"task": task, "source": source, "prompt": f"{said} {number}, please?", "completion": f"{said} it is"}
        for task, source, said in (
            ("leaked", "web", "Where is house number"),
            ("copies", "web", "where is HOUSE number"),
            ("other", "web", "Add to the sum of"),
            ("fresh", "books", "Who was it that had"),
        )
        for number in NUMBERS
    ]
    path = folder / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def cell_of(plan_cells: Callable[..., list[Cell]], tmp_path: Path) -> Callable[..., Cell]:
    data = write_data(tmp_path)

    def build(**settings: Any) -> Cell:
        dataset = {"use": "jsonl", "path": str(data), "unseen": ["leaked", "fresh"], "label": "leaky"}
        matrix = {"datasets": [dataset], "budgets": ["all"], "arrangements": ["sequential"]}
        matrix["metrics"] = ["loss", "exact-match"]
        (cell,) = plan_cells(matrix=matrix, data=settings, training={"batch_size": 4})
        return cell

    return build


def finish(cell: Cell, folder: Path, environment_of: Callable[[Path], Any]) -> tuple[dict[str, Any], Path]:
    store = Store(folder)
    outcome = run_cell(cell, store, environment_of(folder), lambda progress: None)
    assert outcome.state == "finished", outcome.reason
    attempt = store.committed(cell.cell_id)
    assert attempt is not None
    assert not Verifier(store).verify().faults
    return attempt.read_json("status"), attempt.folder


def test_a_cell_tells_what_its_pool_has_too(
    cell_of: Callable[..., Cell], environment_of: Callable[[Path], Any], tmp_path: Path
) -> None:
    status, folder = finish(cell_of(), tmp_path / "store", environment_of)
    table, examples = (pd.read_parquet(folder / f"{name}.parquet") for name in ("contamination", "examples"))
    scored = examples[examples["step"] == 0].set_index("example_id")["task"]
    same = table[table["kind"] == "same-words"]
    assert set(same["example_id"]) == set(scored[scored == "leaked"].index)
    assert set(same["pool_task"]) == {"copies"}
    told = status["contamination"]
    assert (told["scored"], told["affected"], told["dropped"]) == (4, 2, 0)
    assert told["kinds"] == {"exact": 0, "same-words": 2, "same-prompt": 0, "near": 0, "similar": 0}
    assert told["tasks"] == {"leaked": {"same-words": 2}}
    assert told["sources"] == {"web": 2}
    fresh = examples[examples["task"] == "fresh"].groupby("step")["loss"].mean()
    assert told["without"] == {"step": fresh.index.tolist(), "loss": pytest.approx(fresh.tolist())}


def test_other_scores_are_told_without_them_too(
    cell_of: Callable[..., Cell], environment_of: Callable[[Path], Any], tmp_path: Path
) -> None:
    cell = cell_of()
    status, folder = finish(cell, tmp_path / "store", environment_of)
    rescore(
        Store(tmp_path / "store"), cell.cell_id, Expander(Registry(), Path()).choice("metric", parse_pipeline("rouge"))
    )
    for suffix, output in (("", "exact_match"), (".rouge", "rougeL")):
        values = pd.read_parquet(folder / f"metrics{suffix}.parquet")
        fresh = values[(values["task"] == "fresh") & (values["metric"] == output) & (values["step"] == status["steps"])]
        assert len(fresh) == 2
        told = json.loads((folder / f"metrics{suffix}.json").read_text())
        assert told[output]["without"] == pytest.approx(fresh["value"].mean())
    assert "without" not in told.get("loss", {})


def test_what_is_dropped_is_not_trained_on(
    cell_of: Callable[..., Cell], environment_of: Callable[[Path], Any], tmp_path: Path
) -> None:
    status, folder = finish(cell_of(decontaminate="drop"), tmp_path / "store", environment_of)
    found, receipt = (pd.read_parquet(folder / f"{name}.parquet") for name in ("contamination", "receipt"))
    told = status["contamination"]
    assert told["dropped"] == found["pool_id"].nunique() > 0
    assert (told["affected"], told["without"]) == (0, None)
    assert "without" not in json.loads((folder / "metrics.json").read_text())["exact_match"]
    assert status["roles"]["pool"] == len(receipt) == 12 - told["dropped"]
    assert not set(receipt["example_id"]) & set(found["pool_id"])


def test_only_dropping_is_another_cell(cell_of: Callable[..., Cell]) -> None:
    before, told, dropped = cell_of(), cell_of(decontaminate="report"), cell_of(decontaminate="drop")
    assert before.cell_id == told.cell_id != dropped.cell_id
    assert before.block != dropped.block
    assert changes(before.spec, dropped.spec) == ["data.decontaminate default → drop (revision 1)"]


def example_set(name: str, texts: Sequence[str]) -> ExampleSet:
    return ExampleSet.from_examples(
        Example(id=f"{name}{place}", prompt=text, completion="") for place, text in enumerate(texts)
    )


def roles_of(pool: Sequence[str], evaluated: Sequence[str]) -> Roles:
    none = example_set("n", [])
    return Roles(example_set("p", pool), none, example_set("e", evaluated), none)


def test_a_pool_that_is_emptied(tmp_path: Path) -> None:
    with pytest.raises(ZsgError, match=r"'drop' leaves nothing to train on: the evaluation has all .* 2 examples too"):
        decontaminated(roles_of(["A question", "a question!"], ["a question"]), Cache(tmp_path))


class LetterCounts(TextEmbedder):
    """How often a text has each letter."""

    def embed(self, texts: Sequence[str], context: EmbedContext) -> Iterator[NDArray[np.float32]]:
        """Vectors of the texts."""
        yield np.array([[text.count(letter) for letter in "abcdefgh"] for text in texts], np.float32)


def test_an_embedder_tells_of_more_and_drops_nothing(tmp_path: Path) -> None:
    whole = roles_of(["face bead", "gag hag", "deaf ace"], ["dead bee", "cafe abed", "gag hag"])
    roles, cache = decontaminated(whole, Cache(tmp_path)), Cache(tmp_path)
    assert roles.pool.ids == ["p0", "p2"]
    embedder = LetterCounts()
    surroundings = EmbedSurroundings(roles.pool, lambda: "cpu", tmp_path, offline=True)
    service = EmbeddingService(embedder, "letters", surroundings, "", cache)
    device = torch.device("cpu")
    assert cell_findings(roles, embedder, service, cache, device).surest() == {2: Kind.EXACT}  # nothing was embedded
    service.vectors(roles.pool, "pool", "both")
    findings = cell_findings(roles, embedder, service, cache, device)
    assert [tuple(pair)[:3] for pair in findings.pairs.tolist()] == [(1, 0, Kind.SIMILAR), (2, 1, Kind.EXACT)]
    assert findings.pairs["similarity"][0] >= 0.95
    assert findings.proven.evaluated.tolist() == [2]
