"""Models from anywhere: their weights are numbers, and their code is not run unless somebody says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from zsg_harness.cli.stored import stored_cell, stored_cells
from zsg_harness.matrix.load import check_matrix
from zsg_harness.matrix.schema import ModelEntry
from zsg_harness.models.loading import load_model
from zsg_harness.models.resolve import resolve_model
from zsg_harness.plan.build import build_plan
from zsg_harness.store.store import Store
from zsg_registry import Registry, ZsgError

CODE = """
import pathlib
pathlib.Path({marker!r}).touch()
from transformers import PretrainedConfig
class Config(PretrainedConfig):
    model_type = "hostile"
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A model folder with code in it, which leaves the file `ran` beside the folder."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    bundled = Path(resolve_model(ModelEntry(use="zsg-tiny"), Path()).name_or_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(bundled / name, folder)
    config = {
        "model_type": "hostile",
        "auto_map": {"AutoConfig": "hostile.Config", "AutoTokenizer": ["hostile.T", None]},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "hostile.py").write_text(CODE.format(marker=str(tmp_path / "ran")))
    (folder / "model.safetensors").write_bytes(b"")
    return folder


def test_a_models_own_code_is_not_run(hostile: Path, tmp_path: Path) -> None:
    with pytest.raises(ZsgError, match=r"cannot be loaded: The repository .* contains custom code"):
        load_model(ModelEntry(use=str(hostile)), Path(), torch.device("cpu"))
    assert not (tmp_path / "ran").exists()


def test_weights_that_could_hold_code_are_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    with pytest.raises(ZsgError, match="other weight formats can run code and are not loaded"):
        resolve_model(ModelEntry(use=str(tmp_path)), Path())


def test_a_store_cannot_switch_it_on(tmp_path: Path) -> None:
    matrix = {"models": [{"use": "zsg-tiny", "trust_remote_code": True}], "arrangements": ["random"]}
    (cell,) = build_plan(check_matrix({"matrix": matrix}, "the test", Path()), Registry()).cells
    assert cell.model.trust_remote_code
    store = Store(tmp_path / "store")
    store.new_attempt(cell.cell_id, cell.description)
    assert not stored_cell(store, cell.cell_id).model.trust_remote_code
    assert [each.model.trust_remote_code for each in stored_cells(store)] == [False]
    assert [each.model.trust_remote_code for each in stored_cells(store, trust_remote_code=True)] == [True]
