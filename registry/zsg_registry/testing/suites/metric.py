"""The suite of metrics."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from zsg_registry import Metric
from zsg_registry.components import Kind
from zsg_registry.testing.suites.component import ComponentSuite

P = TypeVar("P", bound=Metric)


class MetricSuite(ComponentSuite[P]):
    """What a metric promises. A subclass gives the fixture `component`."""

    kind: ClassVar[Kind] = "metric"
