"""A loaded base model, and the loss of its answers computed on label positions alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from zsg_harness.models.attention import packed_attention
from zsg_harness.tokens.batches import Batch, collate
from zsg_harness.tokens.encoding import Encoded

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_TOLERANCE: Final = {torch.float32: 1e-3, torch.float16: 1e-2, torch.bfloat16: 0.1}
"""How far a logit may be off, over the spread of logits: a token that sees another sequence is off by far more."""
_PROBE: Final = (9, 5, 2)
"""Lengths of the sequences that a form is tried on."""

Form = Literal["packed", "head", "whole"]
"""How a batch goes through a model: one example behind the other; padded, with the head applied to label positions
alone; or padded, with all logits. Each is slower than the one before it, and works for more models."""


@dataclass(slots=True)
class CausalLM:
    """A base model with its tokenizer.

    Attributes:
        model: A `transformers.PreTrainedModel`, in evaluation mode unless a trainer says otherwise.
        tokenizer: Its tokenizer.
        device: Where the model is.
        form: How batches go through it.
        sharded: Whether processes share out its weights, so that they must make each pass together.
    """

    model: Any
    tokenizer: PreTrainedTokenizerBase
    device: torch.device
    form: Form = "whole"
    sharded: bool = False

    @property
    def packed(self) -> bool:
        """Whether batches are laid out without padding."""
        return self.form == "packed"

    @property
    def ends(self) -> list[int]:
        """Tokens that end an answer: EOS, and what else the model's authors say does (the end of a turn, say)."""
        named = self.model.generation_config.eos_token_id
        others = named if isinstance(named, list) else [named]
        known = dict.fromkeys([self.tokenizer.eos_token_id, *others])
        return [token for token in known if token is not None]

    def answer_losses(self, batch: Batch) -> torch.Tensor:
        """The loss of every label of a batch, in float32, `[k]`.

        The head is applied to the positions that predict a label and to no other: answers are a tenth of the tokens,
        and the vocabulary makes the head the dearest layer of a small model.
        """
        return F.cross_entropy(self._logits(batch).float(), batch.targets, reduction="none")

    def choose_form(self) -> None:
        """Take the fastest form that gives this model's own logits: some scale, cap or window on the way."""
        self.form = next((form for form in ("packed", "head") if self._is_exact(form)), "whole")

    def compile(self) -> None:
        """Compile the model. Its batches are padded from then on: packed ones are of another shape each time."""
        self.form = next((form for form in ("head",) if self._is_exact(form)), "whole")
        compiled = self.model.base_model if self.form == "head" else self.model
        compiled.compile(dynamic=True)

    def _logits(self, batch: Batch) -> torch.Tensor:
        """The logits that predict a batch's labels, `[k, vocabulary]`."""
        logits: torch.Tensor
        if batch.position_ids is not None:
            with packed_attention(self.model):
                logits = self.model(
                    input_ids=batch.input_ids,
                    position_ids=batch.position_ids,
                    logits_to_keep=batch.places,
                    sequence_lengths=batch.lengths,
                    use_cache=False,
                ).logits[0]
        elif self.form == "head":
            hidden = self.model.base_model(input_ids=batch.input_ids, use_cache=False).last_hidden_state
            logits = self.model.get_output_embeddings()(hidden.flatten(0, 1)[batch.places])
        else:
            whole = self.model(input_ids=batch.input_ids, use_cache=False).logits
            logits = whole.flatten(0, 1)[batch.places]
        return logits

    @torch.no_grad()
    def _is_exact(self, form: Form) -> bool:
        """Whether a form gives the logits that the model gives to each sequence alone."""
        size = self.model.get_input_embeddings().weight.shape[0]
        tokens = (np.arange(sum(_PROBE)) * 7919 % size).astype(np.int32)
        offsets = np.cumsum([0, *_PROBE])
        probe = Encoded.of(tokens, np.ones(len(tokens), dtype=np.bool_), offsets)
        alone = CausalLM(self.model, self.tokenizer, self.device, "whole")
        single = [collate(probe, np.array([row]), self.device, packed=False) for row in range(len(probe))]
        expected = torch.cat([alone._logits(batch) for batch in single])
        tried = CausalLM(self.model, self.tokenizer, self.device, form)
        try:
            logits = tried._logits(collate(probe, np.arange(len(probe)), self.device, packed=form == "packed"))
        except (AttributeError, TypeError, ValueError, RuntimeError, IndexError):  # as many ways as there are models
            return False
        if logits.shape != expected.shape:
            return False
        off = (logits - expected).float().abs().max() / expected.float().std()
        return bool(off <= _TOLERANCE[logits.dtype])
