"""The embedder `loss-trajectory`: how an example's loss falls while a model is trained on the pool."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_plugins.embedders._short_training import example_losses, train
from zsg_registry import (
    EmbedContext,
    Embedder,
    Encoder,
    ExampleSet,
    HubIdOrFolder,
    ModelHandle,
    Need,
    Parameters,
    Role,
    View,
)

if TYPE_CHECKING:
    import torch

_BLOCK: Final = 1024


class LossTrajectory(Embedder):
    """The losses of an example before, during and after a short training of a small model on the pool (S2L).

    Yang et al., "SmallToLarge (S2L): Scalable Data Selection for Fine-tuning Large Language Models by Summarizing
    Training Trajectories of Small Models" (arXiv 2403.07384). Losses are positive, so that all cosines are near 1:
    compare by `distance=euclidean`, or write `loss-trajectory | center`. With the view `both` the loss is that of the
    answers, which a query must show; with another view, that of the text alone.
    """

    class Params(Parameters):
        """The training, and where along it losses are measured."""

        proxy: HubIdOrFolder | None = None
        """A small model to train in the place of the base model: a bundled one by name, a folder or a hub id."""

        points: int = Field(default=8, ge=2)
        """Measurements, and so the length of a vector; the first is before the training, the last at its end."""

        steps: int = Field(default=8, ge=1)
        """Optimizer steps from one measurement to the next."""

        batch_size: int = Field(default=16, ge=1)
        """Examples of such a step."""

        learning_rate: float = Field(default=3e-4, gt=0)
        """Of all steps."""

    params: Params
    fitted = True

    @property
    def needs(self) -> frozenset[Need]:
        """The base model."""
        return frozenset({Need.MODEL})

    def fit(self, context: EmbedContext) -> Encoder:
        """Train the model on the pool, and keep its weights at each point.

        Raises:
            ZsgError: The proxy cannot be found or loaded.
        """
        params, handle = self.params, context.model(fresh=True, use=self.params.proxy)
        weights = list(handle.model.parameters())
        steps = train(
            handle,
            weights,
            context.pool,
            context.rng("loss-trajectory"),
            steps=params.steps * (params.points - 1),
            batch_size=params.batch_size,
            rate=lambda step: params.learning_rate,
        )
        kept = [_copies(weights)]
        kept += [_copies(weights) for done, _ in enumerate(steps, start=1) if done % params.steps == 0]
        return _Trajectories(handle, weights, kept)


class _Trajectories(Encoder):
    def __init__(self, handle: ModelHandle, weights: list[torch.nn.Parameter], kept: list[list[torch.Tensor]]) -> None:
        self._handle = handle
        self._weights = weights
        self._kept = kept

    def encode(self, examples: ExampleSet, role: Role, view: View) -> Iterator[NDArray[np.float32]]:
        for start in range(0, len(examples), _BLOCK):
            yield self._block(examples.take(np.arange(start, min(start + _BLOCK, len(examples)))), view)

    def _block(self, examples: ExampleSet, view: View) -> NDArray[np.float32]:
        import torch

        # Texts of like lengths together, so that little of a batch is padding.
        order = np.argsort([len(text) for text in examples.texts(view)], kind="stable")
        batches = list(self._handle.encode(examples.take(order), view))
        losses = np.empty((len(examples), len(self._kept)), dtype=np.float32)
        with torch.no_grad():
            for point, kept in enumerate(self._kept):
                for weight, own in zip(self._weights, kept, strict=True):
                    weight.copy_(own)
                found = [example_losses(self._handle.model, batch).float().cpu().numpy() for batch in batches]
                losses[order, point] = np.concatenate(found)
        return losses


def _copies(weights: list[torch.nn.Parameter]) -> list[torch.Tensor]:
    return [weight.detach().cpu().clone() for weight in weights]
