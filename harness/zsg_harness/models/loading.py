"""Loading a base model and its tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from zsg_harness.matrix.schema import ModelEntry
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.models.resolve import ModelSource, resolve_model
from zsg_registry import ZsgError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def load_model(entry: ModelEntry, base_dir: Path, device: torch.device) -> CausalLM:
    """Load a base model and its tokenizer.

    Only safetensors are read, and no code of the model's author is run unless the entry says so.

    Raises:
        ZsgError: The model cannot be found or loaded, or the device has no such attention.
    """
    source = resolve_model(entry, base_dir)
    tokenizer = load_tokenizer(entry, base_dir)
    model = _load_weights(entry, source)
    model.to(device)
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    loaded = CausalLM(model, tokenizer, device)
    loaded.choose_form()
    return loaded


def load_tokenizer(entry: ModelEntry, base_dir: Path) -> PreTrainedTokenizerBase:
    """Load a base model's tokenizer alone.

    Raises:
        ZsgError: It cannot be found or loaded.
    """
    from transformers import AutoTokenizer

    source = resolve_model(entry, base_dir)
    try:
        return AutoTokenizer.from_pretrained(source.name_or_path, **_options(entry, source))
    except (OSError, ValueError, ImportError, TypeError, KeyError) as error:
        raise _unloadable(entry, error) from None


def _load_weights(entry: ModelEntry, source: ModelSource) -> Any:
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    attention = {} if entry.attention is None else {"attn_implementation": entry.attention}
    try:
        return AutoModelForCausalLM.from_pretrained(
            source.name_or_path,
            dtype=getattr(torch, entry.dtype),
            use_safetensors=True,
            **attention,
            **_options(entry, source),
        )
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        raise _unloadable(entry, error) from None


def _options(entry: ModelEntry, source: ModelSource) -> dict[str, Any]:
    return {"revision": source.revision, "trust_remote_code": entry.trust_remote_code}


def _unloadable(entry: ModelEntry, error: Exception) -> ZsgError:
    return ZsgError(f"model {entry.use!r} cannot be loaded: {' '.join(str(error).split())[:300]}")
