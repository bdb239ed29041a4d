"""The suite of datasets."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from zsg_registry import Dataset
from zsg_registry.components import Kind
from zsg_registry.testing.suites.component import ComponentSuite

P = TypeVar("P", bound=Dataset)


class DatasetSuite(ComponentSuite[P]):
    """What a dataset promises. A subclass gives the fixture `component`."""

    kind: ClassVar[Kind] = "dataset"
