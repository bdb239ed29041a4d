"""A cell's trained model, kept: anybody's `from_pretrained` loads what was scored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch

from zsg_harness.cells.run import run_cell
from zsg_harness.executors.process import WorkerSettings, make_environment
from zsg_harness.executors.slots import Slot
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Store
from zsg_registry import ExampleSet

PlanCells = Callable[..., list[Cell]]
HOSTILE = "a|b`c`\n| x | y |\n# head\r\n<!-- \\| --> \u2028z"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """An environment for cells sets the number of threads."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class Saved(NamedTuple):
    cell: Cell
    store: Store
    folder: Path

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def card(self) -> str:
        return (self.model / "README.md").read_text(encoding="utf-8")


def save(cell: Cell, folder: Path, save_model: bool = True) -> Saved:
    store = Store(folder)
    environment = make_environment(WorkerSettings(str(folder), RunTable(save_model=save_model), Slot(0, "", 1)))
    outcome = run_cell(cell, store, environment, lambda progress: None)
    assert outcome.state == "finished", outcome.reason
    committed = store.committed(cell.cell_id)
    assert committed is not None
    return Saved(cell, store, committed.folder)


@pytest.fixture
def saved(plan_cells: PlanCells, tmp_path: Path) -> Saved:
    (cell,) = plan_cells()
    return save(cell, tmp_path)


@pytest.fixture
def adapter(plan_cells: PlanCells, tmp_path: Path) -> Saved:
    (cell,) = plan_cells(training={"lora": {"rank": 4}})
    return save(cell, tmp_path)


def losses(model: Any, tokenizer: Any, examples: ExampleSet, cell: Cell) -> list[float]:
    """Each example's loss by the library's own account, with the text written out once more."""
    found = []
    for prompt, answer in zip(examples["prompt"], examples["completion"], strict=True):
        before = [tokenizer.bos_token_id, *tokenizer(f"User: {prompt}\nAssistant:")["input_ids"]]
        labels = [*tokenizer(f" {answer}")["input_ids"], tokenizer.eos_token_id]
        assert len(before) + len(labels) <= cell.training.max_length
        ids = torch.tensor([[*before, *labels]])
        with torch.no_grad():
            found.append(float(model(input_ids=ids, labels=torch.tensor([[-100] * len(before) + labels])).loss))
    return found


def last_losses(saved: Saved) -> tuple[ExampleSet, list[float]]:
    """The scored examples, and the losses that the cell reported at its end."""
    status = json.loads((saved.folder / "status.json").read_text())
    examples = ExampleSet(saved.store.read_eval_set(status["evalset"]))
    table = pd.read_parquet(saved.folder / "examples.parquet")
    last = table[table["step"] == table["step"].max()].set_index("example_id")
    return examples, last.loc[examples.ids, "loss"].tolist()


def test_the_saved_model_scores_as_the_cell_did(saved: Saved, small_model: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    assert (saved.model / "model.safetensors").is_file()
    assert not [path.name for path in saved.model.iterdir() if path.suffix in (".bin", ".pt", ".pkl")]
    model = AutoModelForCausalLM.from_pretrained(saved.model)
    examples, expected = last_losses(saved)
    assert losses(model, AutoTokenizer.from_pretrained(saved.model), examples, saved.cell) == pytest.approx(
        expected, abs=1e-5
    )
    untrained = AutoModelForCausalLM.from_pretrained(small_model)
    before = losses(untrained, AutoTokenizer.from_pretrained(small_model), examples, saved.cell)
    assert np.mean(before) > np.mean(expected) + 0.1


def test_an_adapter_is_kept_without_its_base(adapter: Saved, small_model: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    assert {"adapter_config.json", "adapter_model.safetensors", "README.md", "tokenizer.json"} <= {
        path.name for path in adapter.model.iterdir()
    }
    assert not (adapter.model / "model.safetensors").exists()
    named = json.loads((adapter.model / "adapter_config.json").read_text())["base_model_name_or_path"]
    assert named == adapter.cell.model.use
    base = AutoModelForCausalLM.from_pretrained(small_model)
    tokenizer = AutoTokenizer.from_pretrained(adapter.model)
    examples, expected = last_losses(adapter)
    before = losses(base, tokenizer, examples, adapter.cell)
    model = PeftModel.from_pretrained(base, adapter.model)
    assert losses(model, tokenizer, examples, adapter.cell) == pytest.approx(expected, abs=1e-5)
    assert np.mean(before) > np.mean(expected) + 0.01


def test_the_card_says_which_cell_it_is(saved: Saved) -> None:
    status = json.loads((saved.folder / "status.json").read_text())
    for fact in (saved.cell.cell_id, saved.cell.training_id, status["set_hash"], status["order_hash"], "random"):
        assert f"`{fact}`" in saved.card
    scores = pd.read_parquet(saved.folder / "scores.parquet")
    last = scores[(scores["step"] == scores["step"].max()) & (scores["metric"] == "loss")]["value"].mean()
    assert f"| loss | `{last:.4f}` |" in saved.card
    assert "| learning_rate | `0.01` |" in saved.card


def test_the_cells_commit_covers_every_file_of_the_model(saved: Saved) -> None:
    done = json.loads((saved.folder.parent / "done.json").read_text())
    there = {path.relative_to(saved.folder).as_posix() for path in saved.model.rglob("*") if path.is_file()}
    assert "model/model.safetensors" in there
    assert there <= set(done["files"])
    for name in there:
        assert hashlib.sha256((saved.folder / name).read_bytes()).hexdigest() == done["files"][name]


def test_without_being_asked_nothing_is_kept(plan_cells: PlanCells, tmp_path: Path) -> None:
    (cell,) = plan_cells()
    kept = save(cell, tmp_path, save_model=False)
    assert not kept.model.exists()
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_hostile_name_cannot_break_the_card(plan_cells: PlanCells, tmp_path: Path) -> None:
    (cell,) = plan_cells(matrix={"arrangements": [{"use": "random", "label": HOSTILE}]})
    assert cell.labels.arrangement == HOSTILE
    card = save(cell, tmp_path).card
    front, _, body = card.removeprefix("---\n").partition("\n---\n")
    assert all(line.count(": ") == 1 for line in front.splitlines())
    lines = [line for line in body.splitlines() if line]
    assert sum(line.startswith("#") for line in lines) == 1
    assert lines[0].startswith("# ")
    assert lines[0].count("`") % 2 == 0
    rows = [line for line in lines if line.startswith("|")]
    bars = [line.replace("\\\\", "").replace("\\|", "").count("|") for line in rows]
    assert bars == [3] * len(rows)
    assert all(line.count("`") in (0, 2) for line in rows)
    # Nothing but tables follows the introduction of two lines.
    assert [line for line in lines[3:] if not line.startswith("|")] == []
    plain = save(plan_cells()[0], tmp_path / "plain").card
    assert len(card.splitlines()) == len(plain.splitlines())
