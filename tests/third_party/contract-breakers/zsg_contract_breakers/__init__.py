"""Arrangements that break the contract, each in one way, and do so in good time."""

import numpy as np

from zsg_registry import Access, Arrangement, Need


class OldApi(Arrangement):
    """Written for another version of the contract."""

    api_version = 0

    def arrange(self, context):
        return range(context.budget)


class WrongType(Arrangement):
    """Returns ids where positions are wanted."""

    def arrange(self, context):
        return context.pool.ids[: context.budget]


class OutOfRange(Arrangement):
    """Returns a position that the pool does not have."""

    def arrange(self, context):
        return [*range(1, context.budget), len(context.pool)]


class Repeating(Arrangement):
    """Returns a position twice."""

    def arrange(self, context):
        return [0, *range(context.budget - 1)]


class TooFew(Arrangement):
    """Returns less than the budget."""

    def arrange(self, context):
        return list(range(context.budget - 1))


class Unseeded(Arrangement):
    """Draws from a generator of its own."""

    def arrange(self, context):
        return np.random.default_rng().permutation(len(context.pool))[: context.budget]


class Peeking(Arrangement):
    """Looks at the query without having declared it."""

    def arrange(self, context):
        return range(len(context.query))


class PeekingAtAnswers(Arrangement):
    """Looks at the query's answers, having declared its prompts."""

    access = Access.PROMPTS

    def arrange(self, context):
        longest = max(len(answer) for answer in context.texts("query", "completion"))
        return sorted(range(context.budget), key=lambda i: abs(i - longest))


class Mutating(Arrangement):
    """Sorts the vectors it was given where they are."""

    needs = frozenset({Need.EMBEDDER})

    def arrange(self, context):
        vectors = context.embeddings("pool")
        vectors.sort(axis=0)
        return vectors[:, 0].argsort()[: context.budget]
