"""What a worker keeps from one cell to the next: the untrained base model, and examples as tokens."""

from __future__ import annotations

import copy
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch

from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.models.loading import load_model
from zsg_harness.plan.cell import Cell
from zsg_harness.tokens.encoding import Encoded
from zsg_harness.tokens.text_form import TextForm
from zsg_registry import ExampleSet

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_LARGEST: Final = 2**30
"""Bytes of weights up to which a model is kept: a larger one is read again, and not held twice."""

_ENCODED_SETS: Final = 4

_models: dict[tuple[str, str, torch.device], CausalLM] = {}
_encoded: OrderedDict[tuple[int, str, TextForm], tuple[ExampleSet, Encoded]] = OrderedDict()


def fresh_model(cell: Cell, device: torch.device) -> CausalLM:
    """A cell's base model as it was published, to be trained.

    Raises:
        ZsgError: It cannot be found or loaded.
    """
    key = (cell.model.model_dump_json(), cell.model_hash, device)
    if key not in _models:
        loaded = load_model(cell.model, Path(cell.base_dir), device)
        if sum(weight.numel() * weight.element_size() for weight in loaded.model.parameters()) > _LARGEST:
            return loaded
        _models.clear()
        _models[key] = loaded
    kept = _models[key]
    return CausalLM(copy.deepcopy(kept.model), kept.tokenizer, device, kept.form)


def encoded(cell: Cell, examples: ExampleSet, tokenizer: PreTrainedTokenizerBase) -> Encoded:
    """A cell's examples as tokens. The same set of examples is encoded once for the cells that share it."""
    key = (id(examples), cell.model_hash, cell.text_form)
    if key not in _encoded:
        # The examples are kept as well, so that nothing else can have their id.
        _encoded[key] = examples, cell.text_form.encode(examples, tokenizer)
        while len(_encoded) > _ENCODED_SETS:
            _encoded.popitem(last=False)
    _encoded.move_to_end(key)
    return _encoded[key][1]
