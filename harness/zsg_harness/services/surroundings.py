"""What datasets and embedders are told of the place they run in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zsg_harness.tokens.text_form import TextForm
from zsg_registry import ContractError, ExampleSet, ModelHandle, generator

if TYPE_CHECKING:
    from zsg_harness.models.causal_lm import CausalLM


@dataclass(frozen=True, slots=True)
class DownloadFolder:
    """The registry's `DatasetContext`."""

    cache_dir: Path
    offline: bool


@dataclass(frozen=True, slots=True)
class EmbedSurroundings:
    """The registry's `EmbedContext`.

    Attributes:
        pool: The training examples.
        find_device: Where to compute; asked only by embedders that compute on a device.
        cache_dir: A folder for downloads.
        offline: Whether the network must not be used.
        base_model: The base model, if the embedder declares that it uses it; nobody may change it.
        load_model: Loads the base model anew, or another one by name.
        form: How examples become tokens of the base model.
    """

    pool: ExampleSet
    find_device: Callable[[], str]
    cache_dir: Path
    offline: bool
    base_model: Callable[[], CausalLM] | None = None
    load_model: Callable[[str | None], CausalLM] | None = None
    form: TextForm = field(default_factory=TextForm)

    @property
    def device(self) -> str:
        """Where to compute."""
        return self.find_device()

    def rng(self, *keys: str | int) -> np.random.Generator:
        """A generator of the fixed stream."""
        return generator("fixed", 0, "embedder", *keys)

    def model(self, fresh: bool = False, use: str | None = None) -> ModelHandle:
        """The base model, or another one."""
        if self.base_model is None or self.load_model is None:
            raise ContractError("the service 'model' was used, but needs does not declare it")
        from zsg_harness.services.handle import Handle

        return Handle(self.load_model(use) if fresh or use is not None else self.base_model(), self.form)
