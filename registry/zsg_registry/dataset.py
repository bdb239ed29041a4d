"""Data sets: where examples come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

from zsg_registry.components import Component
from zsg_registry.context import DatasetContext
from zsg_registry.examples import Example
from zsg_registry.places import holds_place


class Dataset(Component, ABC):
    """Yields every example it has, each with its side. Capping, drawing and withholding are the core's work.

    Attributes:
        license: The data's licence, as an SPDX expression where there is one.
        citation: How to cite the data.
    """

    kind = "dataset"
    license: ClassVar[str | None] = None
    citation: ClassVar[str | None] = None

    @abstractmethod
    def load(self, context: DatasetContext) -> Iterable[Example]:
        """All examples, in an order that is the same at every call.

        Raises:
            ZsgError: The data is missing or damaged; the message names the file and the line.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """What stands for the content in a cell's identity: a hash or a revision. Must be cheap.

        Raises:
            ZsgError: The data is missing.
        """

    def published_as(self) -> str | None:
        """Where others get the same data: `<id>@<commit>` of a hub, or None where it does not come from one.

        Asked after `load`. No leaderboard is published of data from a hub at a branch or tag.
        """
        return None

    def identity_params(self) -> dict[str, Any]:
        """The parameters that make a difference. Its files are left out: the fingerprint speaks for them."""
        places = {name for name, value in self.params if holds_place(value)}
        return self.params.model_dump(mode="json", exclude_defaults=True, exclude=places)
