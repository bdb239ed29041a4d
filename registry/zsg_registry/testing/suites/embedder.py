"""The suite of embedders."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from zsg_registry import Embedder
from zsg_registry.components import Kind
from zsg_registry.testing.suites.component import ComponentSuite

P = TypeVar("P", bound=Embedder)


class EmbedderSuite(ComponentSuite[P]):
    """What a embedder promises. A subclass gives the fixture `component`."""

    kind: ClassVar[Kind] = "embedder"
