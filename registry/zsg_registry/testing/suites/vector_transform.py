"""The suite of vector transforms."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from zsg_registry import VectorTransform
from zsg_registry.components import Kind
from zsg_registry.testing.suites.component import ComponentSuite

P = TypeVar("P", bound=VectorTransform)


class VectorTransformSuite(ComponentSuite[P]):
    """What a vector transform promises. A subclass gives the fixture `component`."""

    kind: ClassVar[Kind] = "vector-transform"
