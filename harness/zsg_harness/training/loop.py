"""The optimizer's steps: each consumes exactly its slice of the order, whoever computes it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from zsg_harness.matrix.schema import RunTable, TrainingTable
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.tokens.batches import Batch, collate, token_budget
from zsg_harness.tokens.encoding import Encoded
from zsg_harness.training.memory import MemoryBudget
from zsg_harness.training.optimizer import autocast_for, learning_rates, make_optimizer
from zsg_harness.training.random_state import RandomState
from zsg_harness.training.sharding import parted_like, whole
from zsg_harness.training.world import World
from zsg_registry import ZsgError


class StepRecord(NamedTuple):
    """What one optimizer step did.

    Attributes:
        step: Counted from 1.
        consumed: int64, the rows of the pool that went through the model, in any process, grouped by length.
        loss: Mean over the batch's label tokens, before the update.
        learning_rate: Of this update.
        gradient_norm: Before clipping.
        tokens: Tokens consumed, without padding.
    """

    step: int
    consumed: NDArray[np.int64]
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens: int


class Trainer:
    """Fine-tunes a model in place, a step at a time.

    A step's examples are regrouped by length into micro-batches, and shared out over processes. The gradient stays
    that of the batch: each micro-batch adds its *sum* of losses divided by the label count of the whole batch.

    Attributes:
        done: Steps done.
        optimizer: With its state.
        memory: Tokens of a micro-batch.
    """

    def __init__(
        self, lm: CausalLM, pool: Encoded, steps: int, settings: TrainingTable, run: RunTable, world: World
    ) -> None:
        """Begin.

        Args:
            lm: The model. What of it requires a gradient is trained.
            pool: The encoded pool.
            steps: How many steps there will be, for the schedule.
            settings: Optimizer and schedule.
            run: Micro-batches.
            world: The processes of this cell, each with a trainer like this one.

        Raises:
            ZsgError: The device has not what the settings ask for.
        """
        self.done = 0
        self.memory = MemoryBudget(run.micro_batch_tokens, fixed=lm.sharded)
        self._lm = lm
        self._pool = pool
        self._settings = settings
        self._most = run.micro_batch_examples
        self._world = world
        self._parameters = [parameter for parameter in lm.model.parameters() if parameter.requires_grad]
        self._rate = learning_rates(settings, steps)
        self._autocast = autocast_for(lm.device, settings.precision)
        self.optimizer = make_optimizer(self._parameters, settings, lm.device)

    def step(self, rows: NDArray[np.int64]) -> StepRecord:
        """Do the next update with some rows of the pool.

        Raises:
            ZsgError: Loss or gradient is not finite, the rows have no label, or memory is out.
        """
        labels = int(self._pool.label_counts[rows].sum())
        if labels == 0:
            raise ZsgError(f"the batch of step {self.done + 1} has no label: every answer in it was cut away")
        for group in self.optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * self._rate(self.done + 1)
        self._lm.model.train()
        own = self._world.share(rows)
        random_state = RandomState.now()
        done = self.memory.run(partial(self._accumulate, own, labels, random_state))
        loss, consumed = self._world_sum(*done)
        if not self._lm.sharded:  # whose gradients are summed as they come
            self._world.sum_gradients(self._parameters)
        norm = float(whole(torch.nn.utils.clip_grad_norm_(self._parameters, self._settings.clip)))
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise ZsgError(f"the training loss is {loss} and the gradient norm {norm} at step {self.done + 1}")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._lm.model.eval()
        self.done += 1
        return StepRecord(
            step=self.done,
            consumed=consumed,
            loss=loss,
            learning_rate=self.optimizer.param_groups[0]["lr"],
            gradient_norm=norm,
            tokens=int(self._pool.lengths[consumed].sum()),
        )

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """All that the next steps depend on but the generators: tensors by name, and plain data."""
        tensors = {f"model.{name}": whole(parameter.detach()) for name, parameter in self._named()}
        plain: dict[str, Any] = {"done": self.done, "tokens": self.memory.tokens, "halvings": self.memory.halvings}
        for position, entry in self.optimizer.state_dict()["state"].items():
            for name, value in entry.items():
                if isinstance(value, torch.Tensor):
                    tensors[f"optimizer.{position}.{name}"] = whole(value)
                else:
                    plain[f"optimizer.{position}.{name}"] = value
        return tensors, plain

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, torch.Tensor], plain: Mapping[str, Any]) -> None:
        """Take up an earlier `state`."""
        for name, parameter in self._named():
            parameter.copy_(parted_like(tensors[f"model.{name}"], parameter))
        states: dict[int, dict[str, Any]] = {}
        for key, value in [*tensors.items(), *plain.items()]:
            if key.startswith("optimizer."):
                _, position, name = key.split(".", 2)
                parted = isinstance(value, torch.Tensor)
                states.setdefault(int(position), {})[name] = (
                    parted_like(value, self._parameters[int(position)]) if parted else value
                )
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": states, "param_groups": groups})
        self.done, self.memory.tokens, self.memory.halvings = (plain[key] for key in ("done", "tokens", "halvings"))

    def _named(self) -> list[tuple[str, torch.nn.Parameter]]:
        return [(name, each) for name, each in self._lm.model.named_parameters() if each.requires_grad]

    def _accumulate(
        self, rows: NDArray[np.int64], labels: int, random_state: RandomState, tokens: int
    ) -> tuple[float, NDArray[np.int64]]:
        """Make the gradient of this process's rows; returns their share of the mean loss, and what was consumed."""
        random_state.restore()
        self.optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), dtype=torch.float64, device=self._lm.device)
        consumed = [np.empty(0, dtype=np.int64)]
        packed = self._lm.packed
        share = self._world.size if self._lm.sharded else 1  # gradients are averaged there, and summed here
        micros = list(token_budget(self._pool.lengths, rows, tokens, packed=packed, most=self._most))
        most = max(self._world.gather(len(micros))) if self._lm.sharded else len(micros)
        for micro in micros:
            losses = self._losses(collate(self._pool, micro, self._lm.device, packed=packed))
            (losses.sum() * (share / labels)).backward()
            total += losses.detach().double().sum()
            consumed.append(micro)
        self._keep_up(most - len(micros))
        return float(total) / labels, np.concatenate(consumed)

    def _losses(self, batch: Batch) -> torch.Tensor:
        with self._autocast():
            return self._lm.answer_losses(batch)

    def _keep_up(self, passes: int) -> None:
        """Make some more passes, which add nothing: where weights are sharded, all processes make as many."""
        shortest = np.array([self._pool.lengths.argmin()])
        for _ in range(passes):
            losses = self._losses(collate(self._pool, shortest, self._lm.device, packed=self._lm.packed))
            (0 * losses.sum()).backward()

    def _world_sum(self, loss: float, consumed: NDArray[np.int64]) -> tuple[float, NDArray[np.int64]]:
        losses, rows = zip(*self._world.gather((loss, consumed)), strict=True)
        return sum(losses), np.concatenate(rows)
