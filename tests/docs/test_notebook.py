"""The notebook runs from top to bottom, and prints what is stored in it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_it_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    stored = nbformat.read(path, as_version=4)
    run = NotebookClient(
        nbformat.from_dict(stored), timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    for before, now in zip(stored.cells, run.cells, strict=True):
        if before.cell_type == "code":
            assert printed(now) == printed(before), now.source


def printed(cell: nbformat.NotebookNode) -> list[str]:
    """What a cell printed, and its value."""
    return [output.get("text") or output["data"]["text/plain"] for output in cell.outputs]
