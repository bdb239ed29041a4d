"""A loaded base model, and the loss of its answers computed on label positions alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
import torch.nn.functional as F  # noqa: N812

from zsg_harness.matrix.schema import ModelEntry
from zsg_harness.models.resolve import ModelSource, resolve_model
from zsg_registry import ZsgError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_TOLERANCE: Final = 1e-3


@dataclass(slots=True)
class CausalLM:
    """A base model with its tokenizer.

    Attributes:
        model: A `transformers.PreTrainedModel`, in evaluation mode unless a trainer says otherwise.
        tokenizer: Its tokenizer.
        device: Where the model is.
        label_only: Whether logits can be computed for label positions alone (see `answer_losses`).
    """

    model: Any
    tokenizer: PreTrainedTokenizerBase
    device: torch.device
    label_only: bool = True

    def answer_losses(self, input_ids: torch.Tensor, is_label: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss of every label token, in float32.

        The head is applied to the positions that predict a label and to no other: answers are a tenth of the tokens,
        and the vocabulary makes the head the dearest layer of a small model.

        Args:
            input_ids: Right-padded tokens, long `[b, t]`.
            is_label: Which of them are to be predicted, bool `[b, t]`.

        Returns:
            Losses float32 `[k]` of the k labels in row-major order, and the row of each, long `[k]`.
        """
        predicts = is_label[:, 1:]
        targets = input_ids[:, 1:][predicts]
        logits = self._logits(input_ids, predicts)
        losses = F.cross_entropy(logits.float(), targets, reduction="none")
        return losses, predicts.nonzero()[:, 0]

    def _logits(self, input_ids: torch.Tensor, predicts: torch.Tensor) -> torch.Tensor:
        if not self.label_only:
            logits: torch.Tensor = self.model(input_ids=input_ids, use_cache=False).logits
            return logits[:, :-1][predicts]
        hidden = self.model.base_model(input_ids=input_ids, use_cache=False).last_hidden_state
        picked: torch.Tensor = self.model.get_output_embeddings()(hidden[:, :-1][predicts])
        return picked


def load_model(entry: ModelEntry, base_dir: Path, device: torch.device) -> CausalLM:
    """Load a base model and its tokenizer.

    Only safetensors are read and no code of the model's author is run.

    Raises:
        ZsgError: The model cannot be found or loaded.
    """
    source = resolve_model(entry, base_dir)
    model, tokenizer = _from_pretrained(entry, source)
    model.to(device)
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    loaded = CausalLM(model, tokenizer, device)
    loaded.label_only = _label_only_is_exact(loaded)
    return loaded


def _from_pretrained(entry: ModelEntry, source: ModelSource) -> tuple[Any, PreTrainedTokenizerBase]:
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options = {"revision": source.revision, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(source.name_or_path, **options)
        model = AutoModelForCausalLM.from_pretrained(
            source.name_or_path, dtype=getattr(torch, entry.dtype), use_safetensors=True, **options
        )
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ZsgError(f"model {entry.use!r} cannot be loaded: {reason}") from None
    return model, tokenizer


@torch.no_grad()
def _label_only_is_exact(loaded: CausalLM) -> bool:
    """Whether base model plus head give the model's own logits: some models scale or cap them on the way."""
    size = loaded.model.get_input_embeddings().weight.shape[0]
    ids = (torch.arange(8, device=loaded.device) * 7919 % size).unsqueeze(0)
    predicts = torch.ones(1, 7, dtype=torch.bool, device=loaded.device)
    whole = loaded.model(input_ids=ids, use_cache=False).logits[:, :-1][predicts]
    try:
        picked = loaded._logits(ids, predicts)
    except (AttributeError, TypeError, RuntimeError):
        return False
    return picked.shape == whole.shape and bool(torch.allclose(picked, whole, rtol=_TOLERANCE, atol=_TOLERANCE))
