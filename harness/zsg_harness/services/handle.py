"""A base model as plugins get it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from zsg_harness.evaluation.losses import example_losses
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.tokens.batches import collate
from zsg_harness.tokens.text_form import TextForm
from zsg_harness.training.world import World
from zsg_registry import ExampleSet, LogLikelihoods, View


@dataclass(frozen=True, slots=True)
class Handle:
    """The registry's `ModelHandle`.

    Attributes:
        lm: The model.
        form: How examples become tokens.
        batch_size: Examples in a batch of `encode`.
        batch_tokens: Tokens that go through the model at once in `log_likelihoods`.
        world: Who shares the work of that, and asks for it with the same examples.
    """

    lm: CausalLM
    form: TextForm
    batch_size: int = 8
    batch_tokens: int = 4096
    world: World = field(default_factory=World)

    @property
    def model(self) -> Any:
        """The transformers model."""
        return self.lm.model

    @property
    def tokenizer(self) -> Any:
        """Its tokenizer."""
        return self.lm.tokenizer

    @property
    def device(self) -> str:
        """Where it is."""
        return str(self.lm.device)

    def encode(self, examples: ExampleSet, view: View = "both") -> Iterator[dict[str, Any]]:
        """Right-padded, label-masked batches in the order of the examples."""
        if view == "both":
            encoded = self.form.encode(examples, self.lm.tokenizer)
        else:
            encoded = self.form.encode_texts(examples.texts(view), self.lm.tokenizer)
        lengths = torch.from_numpy(encoded.lengths)
        for start in range(0, len(encoded), self.batch_size):
            rows = np.arange(start, min(start + self.batch_size, len(encoded)))
            batch = collate(encoded, rows, self.lm.device, packed=False)
            positions = torch.arange(batch.input_ids.shape[1])
            mask = (positions < lengths[rows][:, None]).long().to(self.lm.device)
            labels = torch.full_like(batch.input_ids, -100)
            labels.view(-1)[batch.places + 1] = batch.targets
            yield {"input_ids": batch.input_ids, "attention_mask": mask, "labels": labels}

    def log_likelihoods(self, examples: ExampleSet) -> LogLikelihoods:
        """The sum over each last answer's tokens, but for those that end it."""
        encoded = replace(self.form, loss_on="last").encode(examples, self.lm.tokenizer).without_ends(self.lm.ends)
        counts = encoded.label_counts
        means = example_losses(self.lm, encoded, self.batch_tokens, self.world)
        return LogLikelihoods(-means * counts, counts)
