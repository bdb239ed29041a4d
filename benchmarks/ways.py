"""Ways to do the same updates: the harness's, a plain loop's, and TRL's.

Each does the same steps whenever it is called, and goes on with the model that the call before left.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import torch
from measuring import wait_for
from torch.optim.lr_scheduler import LambdaLR
from transformers import PrinterCallback, ProgressCallback, TrainerCallback
from workload import LONGEST, Rows

from zsg_harness.matrix.schema import RunTable, TrainingTable
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.tokens.encoding import Encoded
from zsg_harness.training.loop import Trainer
from zsg_harness.training.optimizer import make_optimizer
from zsg_harness.training.world import World

IGNORED: Final = -100
"""What stands for no label in other people's batches."""


class Ran(NamedTuple):
    """How long some steps took, and the loss of each before its update."""

    seconds: float
    losses: list[float]


class Way(Protocol):
    """A model in training."""

    def __call__(self) -> Ran:
        """Do the steps once."""
        ...


class HarnessLoop:
    """The harness's own `Trainer`."""

    def __init__(
        self,
        lm: CausalLM,
        pool: Encoded,
        steps: Sequence[Rows],
        settings: TrainingTable | None = None,
        run: RunTable | None = None,
    ) -> None:
        self._lm, self._steps = lm, steps
        self._trainer = Trainer(lm, pool, len(steps), settings or TrainingTable(), run or RunTable(), World())

    def __call__(self) -> Ran:
        """Do the steps once."""
        started = time.perf_counter()
        losses = [self._trainer.step(rows).loss for rows in self._steps]
        wait_for(self._lm.device)
        return Ran(time.perf_counter() - started, losses)


class PlainLoop:
    """The obvious loop: a padded batch, `model(labels=…)` with all logits. `width` None pads to the longest."""

    def __init__(self, lm: CausalLM, pool: Encoded, steps: Sequence[Rows], width: int | None = None) -> None:
        self._lm, self._pool, self._steps, self._width = lm, pool, steps, width
        self._settings = TrainingTable()
        self._optimizer = make_optimizer(list(lm.model.parameters()), self._settings, lm.device)
        lm.model.train()

    def __call__(self) -> Ran:
        """Do the steps once."""
        started = time.perf_counter()
        losses = [self._step(rows) for rows in self._steps]
        wait_for(self._lm.device)
        return Ran(time.perf_counter() - started, losses)

    def _step(self, rows: Rows) -> float:
        model = self._lm.model
        loss = model(**padded(self._pool, rows, self._lm.device, self._width), use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), self._settings.clip)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return float(loss.detach())


class TrlLoop:
    """TRL's SFTTrainer in sequential order, on tokens that it need not make, with the same optimizer.

    It recomputes no activations, which by default it does: memory is not short here, and time is measured.
    """

    def __init__(self, lm: CausalLM, pool: Encoded, steps: Sequence[Rows]) -> None:
        from trl import SFTConfig, SFTTrainer

        settings, folder = TrainingTable(), tempfile.TemporaryDirectory()
        config = SFTConfig(
            output_dir=folder.name,
            per_device_train_batch_size=len(steps[0]),
            train_sampling_strategy="sequential",
            packing=False,
            max_length=LONGEST,
            num_train_epochs=1,
            max_grad_norm=settings.clip,
            use_cpu=lm.device.type == "cpu",
            bf16=False,
            activation_checkpointing=False,
            logging_steps=1,
            report_to="none",
            save_strategy="no",
        )
        optimizer = make_optimizer(list(lm.model.parameters()), settings, lm.device)
        self._clock, self._folder = _Clock(lm.device), folder
        self._trainer = SFTTrainer(
            lm.model,
            args=config,
            train_dataset=_dataset(pool, steps),
            processing_class=lm.tokenizer,
            optimizers=(optimizer, LambdaLR(optimizer, lambda _: 1.0)),
            callbacks=[self._clock],
        )
        for printing in (PrinterCallback, ProgressCallback):
            self._trainer.remove_callback(printing)

    def __call__(self) -> Ran:
        """Do the steps once; what comes before the first and after the last is not timed."""
        self._trainer.train()
        losses = [entry["loss"] for entry in self._trainer.state.log_history if "loss" in entry]
        return Ran(self._clock.seconds, losses)


class _Clock(TrainerCallback):
    """Times a training of transformers' `Trainer` from its beginning to the end of its last step."""

    def __init__(self, device: torch.device) -> None:
        self.seconds = 0.0
        self._device = device
        self._started = 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._started = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, *_: Any, **__: Any) -> None:
        if state.global_step == state.max_steps:
            wait_for(self._device)
            self.seconds = time.perf_counter() - self._started


def _dataset(pool: Encoded, steps: Sequence[Rows]) -> Any:
    """The examples of some steps as TRL reads them."""
    import datasets

    datasets.disable_progress_bars()
    examples = [pool.example(int(row)) for row in np.concatenate(steps)]
    columns = {
        "input_ids": [tokens.tolist() for tokens, _ in examples],
        "labels": [np.where(is_label, tokens, IGNORED).tolist() for tokens, is_label in examples],
    }
    return datasets.Dataset.from_dict(columns)


def padded(encoded: Encoded, rows: Rows, device: torch.device, width: int | None = None) -> dict[str, torch.Tensor]:
    """A batch as `model(**batch)` takes it, padded on the right to the longest of it or to a width."""
    width = width or int(encoded.lengths[rows].max())
    ids, mask, labels = (torch.full((len(rows), width), fill) for fill in (2, 0, IGNORED))
    for line, row in enumerate(rows):
        tokens, is_label = (torch.from_numpy(part) for part in encoded.example(int(row)))
        ids[line, : len(tokens)] = tokens.long()
        mask[line, : len(tokens)] = 1
        labels[line, : len(tokens)] = tokens.long().masked_fill(~is_label, IGNORED)
    return {"input_ids": ids.to(device), "attention_mask": mask.to(device), "labels": labels.to(device)}


def check_same_losses(ours: Sequence[float], theirs: Sequence[float], tolerance: float) -> None:
    """See that two ways trained the same. A way that did fewer steps did the first of them.

    Raises:
        SystemExit: They did not, so that their times say nothing.
    """
    for step, (own, other) in enumerate(zip(ours, theirs, strict=False), start=1):
        if not abs(own - other) <= tolerance:
            raise SystemExit(f"the losses of step {step} are {own} and {other}: this is not the same training")
