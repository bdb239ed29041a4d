"""The published schema: documents fit it, and it is what the code says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from zsg_harness.reports import build
from zsg_harness.reports.schema import json_schema
from zsg_harness.store.store import Store

PUBLISHED = Path(__file__).parents[3] / "docs" / "schemas" / "leaderboard.schema.json"


@pytest.fixture
def document(store, tmp_path: Path) -> dict[str, Any]:
    for seed, height in enumerate([5.0, 5.2]):
        store.cell("random", [9.0, 6.0, height], order=f"r{seed}", seeds=[seed], access="none")
    store.cell("tma", [9.0, 5.0, 4.5], order="x", embedder="minilm", scores={"rougeL": {"task-a": 31.0}})
    store.cell("less", order="f", state="failed", reason="the loss is NaN at step 3")
    expected = [{"lower": "tma", "than": "random", "source": "somebody", "figure": "aulc"}]
    store.plan(matrix={"matrix": {"name": "m"}, "expect": expected})
    build(Store(store.path), tmp_path, added=lambda rows: {"a plugin's": [1.5] * len(rows)})
    found: dict[str, Any] = json.loads((tmp_path / "leaderboard.json").read_text())
    return found


def check(document: Any) -> None:
    jsonschema.Draft202012Validator(json_schema()).validate(document)


def test_the_published_schema_is_the_codes() -> None:
    """To write it anew: zsg-harness leaderboard schema > docs/schemas/leaderboard.schema.json."""
    assert json.loads(PUBLISHED.read_text()) == json_schema()
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_a_document_fits_it(document: dict[str, Any]) -> None:
    assert document["rows"][0]["a plugin's"] == 1.5
    assert document["findings"]
    assert document["open"]
    check(document)


def test_an_empty_document_fits_it(store, tmp_path: Path) -> None:
    store.plan()
    build(Store(store.path), tmp_path)
    check(json.loads((tmp_path / "leaderboard.json").read_text()))


@pytest.mark.parametrize("broken", ["verdict", "null_band_aulc", "state", "revisions"])
def test_a_document_that_lacks_something_does_not(document: dict[str, Any], broken: str) -> None:
    for part in (document, document["rows"][0], document["sections"][0]):
        part.pop(broken, None)
    with pytest.raises(jsonschema.ValidationError):
        check(document)


def test_every_documented_figure_is_a_column(document: dict[str, Any]) -> None:
    assert set(json_schema()["$defs"]["Row"]["properties"]) <= set(document["rows"][0])
