"""A matrix that is really run: what its leaderboard says, against what its cells' scores come to by themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from zsg_harness.cells.run import run_cell
from zsg_harness.executors.process import WorkerSettings, make_environment
from zsg_harness.executors.slots import Slot
from zsg_harness.matrix.load import check_matrix
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.build import build_plan
from zsg_harness.plan.filter import choose
from zsg_harness.reports import Leaderboard
from zsg_harness.reports.board import assemble
from zsg_harness.reports.collect import collect
from zsg_harness.runner import freeze
from zsg_harness.store.store import Store
from zsg_registry import Registry

SEEDS = 5


class Run(NamedTuple):
    """A leaderboard, and of each arrangement the scores of its cells."""

    board: Leaderboard
    cells: dict[str, list[pd.DataFrame]]

    def areas(self, arrangement: str) -> list[float]:
        """The area under the mean unseen loss over log(1 + step) of each cell."""
        found = []
        for scores in self.cells[arrangement]:
            curve = scores[scores["metric"] == "loss"].groupby("step")["value"].mean()
            x = np.log(1 + curve.index.to_numpy())
            heights = curve.to_numpy()
            found.append(float(np.sum(np.diff(x) * (heights[1:] + heights[:-1]) / 2) / (x[-1] - x[0])))
        return found

    def seen_changes(self, arrangement: str) -> list[float]:
        """The change of each cell's loss on seen tasks."""
        found = []
        for scores in self.cells[arrangement]:
            seen = scores[scores["metric"] == "seen_loss"]
            means = seen.groupby("step")["value"].mean().sort_index()
            assert seen.groupby("step")["task"].nunique().min() > 10
            found.append(float(means.iloc[-1] - means.iloc[0]))
        return found

    def row(self, arrangement: str) -> pd.Series:
        (row,) = (row for _, row in self.board.rows.iterrows() if row["arrangement"] == arrangement)
        return row


@pytest.fixture(scope="module")
def run(small_model: Path, third_party: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("real")
    document = {
        "matrix": {
            "name": "real",
            "models": [str(small_model)],
            "datasets": ["procedural[examples_per_seen_task=3,examples_per_unseen_task=4]"],
            "embedders": ["tfidf"],
            "arrangements": ["random", "another-random", "nft"],
            "controls": ["shuffle"],
            "metrics": ["loss", "seen-loss"],
            "budgets": [40],
            "seeds": [{"data": 0, "order": order, "train": 0} for order in range(SEEDS)],
        },
        "data": {"per_unseen_task": 2, "query_per_task": 2, "probe_per_task": 1},
        "training": {"learning_rate": 1e-2},
        "evaluation": {"generate_at": []},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(third_party("another-random")))
        plan, store = build_plan(check_matrix(document, "the test", Path()), Registry()), Store(folder)
        freeze(plan, store)
        environment = make_environment(WorkerSettings(str(folder), RunTable(), Slot(0, "", 1)))
        for cell in choose(plan.cells, [], ["arrangement=*random | shuffle"]):
            outcome = run_cell(cell, store, environment, lambda progress: None)
            assert outcome.state == "finished", outcome.reason
    cells: dict[str, list[pd.DataFrame]] = {}
    for file in sorted(folder.glob("cells/*/cell.json")):
        name = json.loads(file.read_text())["labels"]["arrangement"]
        attempt = json.loads((file.parent / "done.json").read_text())["attempt"]
        cells.setdefault(name, []).append(pd.read_parquet(file.parent / attempt / "scores.parquet"))
    return Run(assemble(collect(store)), cells)


def test_random_by_another_name_is_in_randoms_group(run: Run) -> None:
    """The fault injected on purpose."""
    random, another = run.row("random"), run.row("another-random")
    assert (random["replicates"], another["replicates"]) == (SEEDS, SEEDS)
    hashes = {cell.order_hash for row in run.board.sections[0].rows[:2] for cell in row.cells}
    assert len(hashes) == 2 * SEEDS
    assert another["verdict"] == another["verdict_holm"] == "tie"
    assert another["tie_group"] == random["tie_group"]
    test = stats.ttest_ind(run.areas("another-random"), run.areas("random"), equal_var=False)
    assert another["p_value"] == pytest.approx(test.pvalue)
    assert test.pvalue > 0.1  # well away from where the last digits of another machine could move it


def test_selection_and_order_are_what_the_cells_say(run: Run) -> None:
    nft, control, random = (run.areas(name) for name in ("nft", "nft | shuffle", "random"))
    assert (len(nft), len(control), len(random)) == (1, SEEDS, SEEDS)
    row = run.row("nft")
    assert row["delta_vs_random"] == pytest.approx(nft[0] - np.mean(random))
    selection = stats.ttest_ind(control, random, equal_var=False).confidence_interval(0.95)
    assert row["selection_effect"] == pytest.approx(np.mean(control) - np.mean(random))
    assert (row["selection_low"], row["selection_high"]) == pytest.approx(tuple(selection))
    # A single order against five: variance s²(1 + 1/5), four degrees of freedom.
    margin = stats.t.ppf(0.975, SEEDS - 1) * np.std(control, ddof=1) * np.sqrt(1 + 1 / SEEDS)
    order = nft[0] - np.mean(control)
    assert row["order_effect"] == pytest.approx(order)
    assert (row["order_low"], row["order_high"]) == pytest.approx((order - margin, order + margin))
    assert row["selection_effect"] + row["order_effect"] == pytest.approx(row["delta_vs_random"])
    (told,) = (each for each in run.board.decompositions.values() if each.key.arrangement == "nft")
    assert told.control == "nft | shuffle"
    assert told.parts["loss_final"].total.interval.mean == pytest.approx(row["loss_delta_vs_random"])


def test_harm_on_seen_tasks_is_what_the_cells_say(run: Run) -> None:
    (nft,), random = run.seen_changes("nft"), run.seen_changes("random")
    row = run.row("nft")
    assert row["seen_change"] == pytest.approx(nft)
    assert run.row("random")["seen_change"] == pytest.approx(np.mean(random))
    margin = stats.t.ppf(0.975, SEEDS - 1) * np.std(random, ddof=1) * np.sqrt(1 + 1 / SEEDS)
    harm = nft - np.mean(random)
    assert row["seen_harm"] == pytest.approx(harm)
    assert (row["seen_harm_low"], row["seen_harm_high"]) == pytest.approx((harm - margin, harm + margin))
    assert np.isnan(run.row("random")["seen_harm"])
