"""The committed leaderboards: their files agree with each other, and the pages that show them with these."""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from zsg_harness.reports.formatting import LOSS_DIGITS, number
from zsg_harness.reports.markdown import escaped

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(path.parent for path in ROOT.glob("leaderboards/*/leaderboard.csv"))
LABELS = ["arrangement", "dataset", "embedder", "model", "budget"]
SCORES = ("rouge1", "rougeL", "exact_match")


def read(folder: Path) -> pd.DataFrame:
    rows = pd.read_csv(folder / "leaderboard.csv")
    return rows.fillna({"embedder": ""}).astype({"budget": "str"})


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("readme_table", ROOT / "scripts" / "readme_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_leaderboards() -> None:
    assert {"quickstart", "p3-small"} <= {folder.name for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_document_has_the_rows_of_the_table(folder: Path) -> None:
    """To mend it, write the leaderboard of its store anew."""
    rows = pd.read_csv(folder / "leaderboard.csv").to_dict("records")
    told = json.loads((folder / "leaderboard.json").read_text())["rows"]
    assert len(told) == len(rows)
    for row, mine in zip(rows, told, strict=True):
        for name, value in row.items():
            same = pd.isna(value) if mine[name] is None else _same(mine[name], value)
            assert same, f"{row['arrangement']}: {name} is {mine[name]!r} in one and {value!r} in the other"


def _same(told: Any, value: Any) -> bool:
    if isinstance(told, float):
        return math.isclose(told, value, rel_tol=1e-12, abs_tol=1e-15)
    return told == value or str(told) == str(value)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_markdown_has_the_rows_of_the_table(folder: Path) -> None:
    lines = (folder / "leaderboard.md").read_text(encoding="utf-8").splitlines()
    entries = [[entry.strip() for entry in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]
    for row in read(folder).to_dict("records"):
        named = [escaped(str(row["arrangement"])), number(row["aulc"], LOSS_DIGITS)]
        named += [f"{number(row['loss_final'], LOSS_DIGITS)}", str(row["rank"]), row["verdict"].partition(" ")[0]]
        of_row = [line for line in entries if named[0] in line]
        assert of_row, row["arrangement"]
        assert any(all(any(e.startswith(name) for e in line) for name in named) for line in of_row), named


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_table_is_what_the_scores_come_to(folder: Path) -> None:
    """Means over tasks, then over the cells of an order, then over orders; of the areas where every step is there."""
    rows = read(folder).set_index(LABELS)
    final = pd.read_csv(folder / "scores.csv").astype({"budget": "str"})
    found = {"loss_final": _means(final, "loss")}
    found |= {score: _means(final, score) for score in SCORES if score in set(final["metric"])}
    if (folder / "scores.parquet").is_file():
        steps = pd.read_parquet(folder / "scores.parquet")
        found |= {"aulc": _areas(steps), "loss_best": _over_orders(_curves(steps).min(axis="columns"), steps)}
    for figure, values in found.items():
        compared = rows[figure].astype("float64").align(values, join="outer")
        np.testing.assert_allclose(*compared, rtol=1e-9, err_msg=f"{folder.name}: {figure}")


def _means(scores: pd.DataFrame, metric: str) -> pd.Series:
    own = scores[(scores["metric"] == metric) & (scores["scope"] == "unseen") & (scores["count"] > 0)]
    return _over_orders(own.groupby("cell")["value"].mean(), scores)


def _curves(steps: pd.DataFrame) -> pd.DataFrame:
    """The mean loss of each cell at each step."""
    own = steps[(steps["metric"] == "loss") & (steps["scope"] == "unseen") & (steps["count"] > 0)]
    return own.groupby(["cell", "step"])["value"].mean().unstack("step")


def _areas(steps: pd.DataFrame) -> pd.Series:
    def area(curve: pd.Series) -> float:
        known = curve.dropna()
        along = np.log1p(known.index.to_numpy(dtype=float))
        return float(np.trapezoid(known.to_numpy(), along) / (along[-1] - along[0]))

    return _over_orders(_curves(steps).apply(area, axis="columns"), steps)


def _over_orders(values: pd.Series, scores: pd.DataFrame) -> pd.Series:
    """The mean over the cells of each order, and over the orders of each row."""
    cells = scores[["cell", *LABELS, "replicate"]].drop_duplicates("cell").astype("object")
    cells = cells.fillna({"embedder": ""}).astype("str").set_index("cell")
    by_cell = cells.assign(value=values.rename(str))
    return by_cell.groupby([*LABELS, "replicate"])["value"].mean().groupby(LABELS).mean()


def test_pages_show_what_the_leaderboards_say(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """To mend it: python scripts/readme_table.py; figures are drawn by `zsg-harness leaderboard --figures`."""
    assert script.main(["--check"]) == 0, capsys.readouterr().err


def test_a_page_that_drifts_is_found_and_mended(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from zsg_harness.reports.figures import drawn_from

    folder = tmp_path / "leaderboards" / "quickstart"
    (folder / "figures").mkdir(parents=True)
    (folder / "leaderboard.csv").write_bytes((ROOT / "leaderboards" / "quickstart" / "leaderboard.csv").read_bytes())
    page = tmp_path / "README.md"
    figure = "![losses](leaderboards/quickstart/figures/loss.svg)"
    page.write_text(f"# Mine\n\n<!-- table: leaderboards/quickstart -->\n<!-- end -->\n\n{figure}\n")
    drawn = folder / "figures" / "loss.svg"
    rows = pd.read_csv(folder / "leaderboard.csv")
    drawn.write_text(f"<svg>{drawn_from(rows)}</svg>")

    assert script.main(["--check"], tmp_path) == 1
    assert "README.md: a table is not that of its leaderboard.csv" in capsys.readouterr().err
    assert script.main([], tmp_path) == script.main(["--check"], tmp_path) == 0
    lines = page.read_text().splitlines()
    first = read(folder).iloc[0]
    assert lines[4] == "| # | arrangement | aulc | Δ random (95 %) | final loss |"
    assert lines[6].startswith(f"| 1 | {first['arrangement']} | {first['aulc']:.3f} |")
    assert lines[-1] == figure

    rows.assign(aulc=rows["aulc"] + 0.25).to_csv(folder / "leaderboard.csv", index=False)
    assert script.main(["--check"], tmp_path) == 1
    told = capsys.readouterr().err
    assert "README.md: a table is not" in told
    assert "leaderboards/quickstart/figures/loss.svg was not drawn from leaderboards/quickstart/leaderboard.csv" in told
