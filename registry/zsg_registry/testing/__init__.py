"""For the tests of plugins: contexts without a harness, and examples to run on."""

from zsg_registry.testing.context import NaiveContext
from zsg_registry.testing.embed_context import NaiveEmbedContext
from zsg_registry.testing.examples import dialogue_set, example_set
from zsg_registry.testing.similarity import NaiveCursor, NaiveSimilarity

__all__ = ["NaiveContext", "NaiveCursor", "NaiveEmbedContext", "NaiveSimilarity", "dialogue_set", "example_set"]
