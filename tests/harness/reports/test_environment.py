"""Cells that are compared and were not run alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zsg_harness.reports import build
from zsg_harness.store.store import Store


def ran(device: str, torch: str = "2.13", **more: Any) -> dict[str, Any]:
    run = {"given": {}, "defaulted": {"workers": None, "micro_batch_tokens": 4096}}
    training = {"given": {}, "defaulted": {"batch_size": 16}}
    return {
        "device_name": device,
        "packages": {"torch": torch},
        "plugins": {"zsg-harness": "0.1"},
        "arguments": {"run": run, "training": training},
    } | more


def test_a_block_that_mixes_devices_is_flagged(store, tmp_path: Path) -> None:
    curve = [9.0, 6.0, 5.0]
    store.cell("random", curve, order="r", provenance=ran("Xeon"))
    store.cell("nft", curve, order="n", provenance=ran("NVIDIA H200", torch="2.14"))
    chosen = {"run": {"given": {"micro_batch_tokens": 512}, "defaulted": {"workers": None}}}
    store.cell("tma", curve, order="t", provenance=ran("Xeon", arguments=chosen, plugins={"zsg-tma": "9"}))
    store.plan()
    board = build(Store(store.path), tmp_path)
    assert board.differences == {
        "device_name": {"Xeon": 2, "NVIDIA H200": 1},
        "packages.torch": {"2.13": 2, "2.14": 1},
        "run.micro_batch_tokens": {"4096": 2, "512": 1},
    }
    devices = (
        "Cells that are compared ran on different devices, whose last digits differ: "
        "2 cells on Xeon, 1 cell on NVIDIA H200."
    )
    (section,) = board.sections
    assert devices in section.notes
    assert "Cells that are compared ran with different versions: packages.torch." in section.notes
    page = (tmp_path / "index.html").read_text()
    assert devices in page
    assert "Not the same in all cells that are compared" in page
    assert "4096 (2 cells); 512 (1 cell)" in page
    assert "batch_size" not in json.dumps(board.environment)
    assert "2.13 (2 cells); 2.14 (1 cell)" in (tmp_path / "leaderboard.md").read_text()
    assert json.loads((tmp_path / "leaderboard.json").read_text())["differences"]["device_name"]["Xeon"] == 2


def test_blocks_that_are_each_alike_are_not(store, tmp_path: Path) -> None:
    for block, device in (("b0", "Xeon"), ("b1", "NVIDIA H200")):
        streams = {"data": int(block[1]), "order": None, "train": None}
        for arrangement in ("random", "nft"):
            options = {"order": arrangement + block, "block": block, "streams": streams, "seeds": [block]}
            store.cell(arrangement, [9.0, 6.0, 5.0], provenance=ran(device), **options)
    store.plan()
    board = build(Store(store.path), tmp_path)
    assert board.differences == {}
    assert board.environment["device_name"] == ["Xeon", "NVIDIA H200"]
    assert "Not the same" not in (tmp_path / "index.html").read_text()
