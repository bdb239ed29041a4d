"""For the tests of plugins: contexts without a harness, examples to run on, and a suite of checks for each kind.

A plugin's tests subclass the suite of its kind and say how the plugin is made:

    class TestEasyFirst(ArrangementSuite):
        @pytest.fixture
        def component(self) -> EasyFirst:
            return EasyFirst(words=True)

The suites need pytest (the extra `testing`), which is imported when one of them is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from zsg_registry.arrangement import Arrangement, OnlineArrangement, Transform
from zsg_registry.dataset import Dataset
from zsg_registry.embedder import Embedder, VectorTransform
from zsg_registry.metric import Metric
from zsg_registry.testing.context import NaiveContext
from zsg_registry.testing.embed_context import NaiveEmbedContext
from zsg_registry.testing.examples import dialogue_set, example_set
from zsg_registry.testing.similarity import NaiveCursor, NaiveSimilarity

if TYPE_CHECKING:
    from zsg_registry.testing.suites.arrangement import ArrangementSuite, OnlineArrangementSuite
    from zsg_registry.testing.suites.dataset import DatasetSuite
    from zsg_registry.testing.suites.embedder import EmbedderSuite
    from zsg_registry.testing.suites.hooks import HooksSuite
    from zsg_registry.testing.suites.metric import MetricSuite
    from zsg_registry.testing.suites.transform import TransformSuite
    from zsg_registry.testing.suites.vector_transform import VectorTransformSuite

_SUITES: Final = {
    "ArrangementSuite": "arrangement",
    "DatasetSuite": "dataset",
    "EmbedderSuite": "embedder",
    "HooksSuite": "hooks",
    "MetricSuite": "metric",
    "OnlineArrangementSuite": "arrangement",
    "TransformSuite": "transform",
    "VectorTransformSuite": "vector_transform",
}

__all__ = [
    "ArrangementSuite",
    "DatasetSuite",
    "EmbedderSuite",
    "HooksSuite",
    "MetricSuite",
    "NaiveContext",
    "NaiveCursor",
    "NaiveEmbedContext",
    "NaiveSimilarity",
    "OnlineArrangementSuite",
    "TransformSuite",
    "VectorTransformSuite",
    "dialogue_set",
    "example_set",
    "suite_of",
]


def suite_of(plugin: type[object]) -> type[object]:
    """The suite that checks a plugin's class: by what it subclasses; what is no component is a hook plugin."""
    bases = {
        Arrangement: "ArrangementSuite",
        OnlineArrangement: "OnlineArrangementSuite",
        Transform: "TransformSuite",
        Dataset: "DatasetSuite",
        Embedder: "EmbedderSuite",
        VectorTransform: "VectorTransformSuite",
        Metric: "MetricSuite",
    }
    name = next((suite for base, suite in bases.items() if issubclass(plugin, base)), "HooksSuite")
    suite: type[object] = __getattr__(name)
    return suite


def __getattr__(name: str) -> Any:
    """A suite, imported when it is asked for: pytest is not needed by who only wants a context."""
    if name not in _SUITES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.suites.{_SUITES[name]}"), name)
