"""The suite of transforms."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from zsg_registry import Transform
from zsg_registry.components import Kind
from zsg_registry.testing.suites.component import ComponentSuite

P = TypeVar("P", bound=Transform)


class TransformSuite(ComponentSuite[P]):
    """What a transform promises. A subclass gives the fixture `component`."""

    kind: ClassVar[Kind] = "transform"
