"""For the tests of plugins: a context without a harness, and examples to run on."""

from zsg_registry.testing.context import NaiveContext
from zsg_registry.testing.examples import dialogue_set, example_set
from zsg_registry.testing.similarity import NaiveCursor, NaiveSimilarity

__all__ = ["NaiveContext", "NaiveCursor", "NaiveSimilarity", "dialogue_set", "example_set"]
