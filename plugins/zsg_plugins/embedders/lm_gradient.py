"""The embedder `lm-gradient`: what an example would change in the base model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_plugins.embedders._projection import RademacherProjection
from zsg_plugins.embedders._short_training import BETAS, EPSILON, Batch, example_losses, train
from zsg_registry import (
    EmbedContext,
    Embedder,
    Encoder,
    ExampleSet,
    ModelHandle,
    Need,
    Parameters,
    Role,
    View,
    ZsgError,
)

if TYPE_CHECKING:
    import torch

_MOST_AT_ONCE: Final = 256
_BLOCK_NUMBERS: Final = 2**26
"""Of the gradients that are held at once: a quarter of a GiB."""


class LmGradient(Embedder):
    """The gradient of an example's loss at checkpoints of a short LoRA warm-up, projected (LESS).

    Xia et al., "LESS: Selecting Influential Data for Targeted Instruction Tuning" (arXiv 2402.04333). The pool's
    vectors are the direction of the Adam step that the example alone would cause, with the moments that the warm-up has
    left; those of other roles are plain gradients. Each checkpoint's part is scaled to length √η, with η its share of
    the learning rate, so that the cosine of two vectors is LESS's score: the mean of the checkpoints' cosines, weighted
    by rate. With the view `both` the loss is that of the answers, which a query must show; with another view, that
    of the text alone.
    """

    class Params(Parameters):
        """The warm-up, and what is differentiated."""

        parameters: Literal["lora", "last-layer", "all"] = "lora"
        """What is trained and differentiated: low-rank adapters of all linear layers (the extra `peft`), the last
        layer's own weights, or all weights, of which each checkpoint keeps three copies.
        """

        rank: int = Field(default=8, ge=1)
        """Of the adapters; their updates are scaled by 4, as LESS does."""

        dimensions: int | None = Field(default=1024, ge=2)
        """Each checkpoint's gradient is projected to so many dimensions by random signs; null leaves it as it is."""

        checkpoints: int = Field(default=4, ge=1)
        """Where gradients are taken."""

        steps: int = Field(default=8, ge=0)
        """Optimizer steps of the warm-up before each checkpoint. Without any, the gradients are plain ones of the base
        model.
        """

        batch_size: int = Field(default=16, ge=1)
        """Examples of such a step."""

        learning_rate: float = Field(default=3e-4, gt=0)
        """At the beginning of the warm-up; it falls to 0 in a line."""

    params: Params
    fitted = True

    @property
    def needs(self) -> frozenset[Need]:
        """The base model, and its gradients."""
        return frozenset({Need.MODEL, Need.GRADIENTS})

    def unavailable(self) -> str | None:
        """Tells how to install what makes adapters, where it is not."""
        if self.params.parameters == "lora" and find_spec("peft") is None:
            return "LoRA needs peft: pip install 'zsg-harness[peft]', or set parameters=last-layer"
        return None

    def fit(self, context: EmbedContext) -> Encoder:
        """Warm a copy of the base model up on the pool.

        Raises:
            ZsgError: The model has no such parameters.
        """
        handle = context.model(fresh=True)
        parameters = self._trainable(handle.model, context)
        projection = None
        if self.params.dimensions is not None:
            projection = RademacherProjection(
                self.params.dimensions, lambda block: context.rng("lm-gradient", "projection", block)
            )
        return _Gradients(handle, parameters, list(self._checkpoints(handle, parameters, context)), projection)

    def _trainable(self, model: Any, context: EmbedContext) -> list[torch.nn.Parameter]:
        """The parameters that are differentiated; no others require a gradient from then on."""
        if self.params.parameters == "lora":
            _add_adapters(model, self.params.rank, int(context.rng("lm-gradient", "adapters").integers(2**31)))
            chosen = [parameter for name, parameter in model.named_parameters() if "lora_" in name]
        else:
            chosen = list((model if self.params.parameters == "all" else _last_layer(model)).parameters())
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        for parameter in chosen:
            parameter.requires_grad_(True)
        return chosen

    def _checkpoints(
        self, handle: ModelHandle, parameters: Sequence[torch.nn.Parameter], context: EmbedContext
    ) -> Iterator[_Checkpoint]:
        params = self.params
        if not params.steps:
            yield _Checkpoint(_flat(parameters), None, 1.0)
            return
        total = params.checkpoints * params.steps
        rates = params.learning_rate * (1 - np.arange(total) / total)
        rng = context.rng("lm-gradient", "warm-up")
        optimizers = train(
            handle,
            parameters,
            context.pool,
            rng,
            steps=total,
            batch_size=params.batch_size,
            rate=lambda step: float(rates[step]),
        )
        for done, optimizer in enumerate(optimizers, start=1):
            if done % params.steps == 0:
                share = float(rates[done - params.steps : done].sum() / rates.sum())
                first, second = (
                    _flat([optimizer.state[each][name] for each in parameters]) for name in ("exp_avg", "exp_avg_sq")
                )
                yield _Checkpoint(_flat(parameters), _Moments(first, second, done), share)


class _Moments(NamedTuple):
    """Adam's state: running means of the gradient and of its square, float32 `[d]`, after so many steps."""

    first: torch.Tensor
    second: torch.Tensor
    steps: int

    def direction(self, gradient: torch.Tensor) -> torch.Tensor:
        """What Adam would subtract, over its rate, if the gradient, `[d]`, were the next step's."""
        (beta, beta_of_squares), steps = BETAS, self.steps + 1
        first = (beta * self.first + (1 - beta) * gradient) / (1 - beta**steps)
        second = (beta_of_squares * self.second + (1 - beta_of_squares) * gradient**2) / (1 - beta_of_squares**steps)
        return first / (second.sqrt() + EPSILON)


class _Checkpoint(NamedTuple):
    """Where gradients are taken.

    Attributes:
        weights: Of the parameters, `[d]`.
        moments: None where nothing was trained.
        share: Of the learning rate, all steps together being 1.
    """

    weights: torch.Tensor
    moments: _Moments | None
    share: float


class _Gradients(Encoder):
    def __init__(
        self,
        handle: ModelHandle,
        parameters: list[torch.nn.Parameter],
        checkpoints: list[_Checkpoint],
        projection: RademacherProjection | None,
    ) -> None:
        self._handle = handle
        self._parameters = parameters
        self._checkpoints = checkpoints
        self._projection = projection

    def encode(self, examples: ExampleSet, role: Role, view: View) -> Iterator[NDArray[np.float32]]:
        size = sum(parameter.numel() for parameter in self._parameters)
        block = max(1, min(_MOST_AT_ONCE, _BLOCK_NUMBERS // size))
        for start in range(0, len(examples), block):
            part = examples.take(np.arange(start, min(start + block, len(examples))))
            rows = [row for batch in self._handle.encode(part, view) for row in _one_by_one(batch)]
            parts = [self._of_checkpoint(checkpoint, rows, role) for checkpoint in self._checkpoints]
            yield np.concatenate(parts, axis=1)

    def _of_checkpoint(self, checkpoint: _Checkpoint, rows: list[Batch], role: Role) -> NDArray[np.float32]:
        import torch

        _load(checkpoint.weights, self._parameters)
        # Row by row into their place: gradients are what takes the memory.
        moments = checkpoint.moments if role == "pool" else None
        vectors = checkpoint.weights.new_empty((len(rows), len(checkpoint.weights)))
        for place, row in zip(vectors, rows, strict=True):
            own = gradient(self._handle.model, row, self._parameters)
            place.copy_(own if moments is None else moments.direction(own))
        if self._projection is not None:
            vectors = self._projection(vectors)
        scaled = torch.nn.functional.normalize(vectors, dim=1) * math.sqrt(checkpoint.share)
        result: NDArray[np.float32] = scaled.float().cpu().numpy()
        return result


def gradient(model: Any, row: Batch, parameters: Sequence[torch.nn.Parameter]) -> torch.Tensor:
    """The gradient of one example's mean loss, `[d]`, in float32 or the parameters' own type if that is wider."""
    import torch

    loss = example_losses(model, row)[0]
    return _flat(torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True))


def _one_by_one(batch: Batch) -> Iterator[Batch]:
    """The rows of a batch without their padding."""
    for row, length in enumerate(batch["attention_mask"].sum(dim=1).tolist()):
        yield {name: values[row : row + 1, :length] for name, values in batch.items()}


def _flat(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    import torch

    return torch.cat([each.detach().flatten().to(torch.promote_types(each.dtype, torch.float32)) for each in tensors])


def _load(weights: torch.Tensor, parameters: Sequence[torch.nn.Parameter]) -> None:
    import torch

    with torch.no_grad():
        for own, parameter in zip(weights.split([each.numel() for each in parameters]), parameters, strict=True):
            parameter.copy_(own.view_as(parameter))


def _add_adapters(model: Any, rank: int, seed: int) -> None:
    """Low-rank adapters, Hu et al. (arXiv 2106.09685), by peft; their first values are drawn from the seed alone."""
    import torch
    from peft import LoraConfig

    config = LoraConfig(r=rank, lora_alpha=4 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        try:
            model.add_adapter(config)
        except ValueError as error:
            raise ZsgError(f"embedder 'lm-gradient': {' '.join(str(error).split())[:200]}") from None


def _last_layer(model: Any) -> torch.nn.Module:
    """The last of the model's equal layers."""
    import torch

    lists = [module for module in model.modules() if isinstance(module, torch.nn.ModuleList) and len(module)]
    if not lists:
        raise ZsgError("embedder 'lm-gradient': the model has no list of layers; set parameters=all or lora")
    return max(lists, key=len)[-1]
