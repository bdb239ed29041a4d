"""A base model as plugins get it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.training.batches import collate
from zsg_harness.training.encoding import encode
from zsg_registry import ExampleSet


@dataclass(frozen=True, slots=True)
class Handle:
    """The registry's `ModelHandle`."""

    lm: CausalLM
    max_length: int
    batch_size: int = 8

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

    def encode(self, examples: ExampleSet) -> Iterator[dict[str, Any]]:
        """Right-padded, label-masked batches in the order of the examples."""
        encoded = encode(examples, self.lm.tokenizer, self.max_length)
        lengths = torch.from_numpy(encoded.lengths)
        for start in range(0, len(encoded), self.batch_size):
            rows = np.arange(start, min(start + self.batch_size, len(encoded)))
            batch = collate(encoded, rows, self.lm.device)
            positions = torch.arange(batch.input_ids.shape[1])
            mask = (positions < lengths[rows][:, None]).long().to(self.lm.device)
            labels = batch.input_ids.masked_fill(~batch.is_label, -100)
            yield {"input_ids": batch.input_ids, "attention_mask": mask, "labels": labels}
