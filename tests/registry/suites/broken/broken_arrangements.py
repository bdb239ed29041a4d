"""An arrangement that keeps its promises, and others that break one each."""

import itertools
import threading

import numpy as np
from pydantic import ConfigDict, Field, field_serializer
from threads_in_use import three_threads

from zsg_registry import Access, Arrangement, Need, OnlineArrangement, Order, Parameters, Transform


class Sound(Arrangement):
    """Examples near to the prompts of the query first, with noise."""

    class Params(Parameters):
        """How noisy."""

        noise: float = Field(default=0.1, ge=0)
        """Standard deviation of the noise."""

    stochastic = True
    access = Access.PROMPTS
    needs = frozenset({Need.EMBEDDER, Need.LOSSES})

    def keys(self, context):
        near = context.similarity(context.embeddings("pool", "prompt"), context.embeddings("query", "prompt"))
        noise = context.rng().normal(size=len(context.pool))
        return near.reduce("mean") + self.params.noise * noise - 0.01 * np.nan_to_num(context.losses("pool"))

    def arrange(self, context):
        return Order(np.argsort(-self.keys(context), kind="stable")).head(context.budget)


class OldVersion(Sound):
    """Written for another version of the contract."""

    api_version = 0


class Unavailable(Sound):
    """Needs a package that nobody has."""

    def unavailable(self):
        return "the package nothing is not installed"


class CutHelp(Sound):
    """A first line that goes on in
    the second."""


class UndocumentedParameter(Sound):
    """Has a parameter that nobody explains."""

    class Params(Parameters):
        """How noisy."""

        noise: float = 0.1


class TakesAnyParameter(Sound):
    """Takes whatever parameter is written."""

    class Params(Sound.Params):
        """How noisy."""

        model_config = ConfigDict(extra="allow")


class InvalidDefault(Sound):
    """Has a default that it would not take."""

    class Params(Parameters):
        """How noisy."""

        noise: float = Field(default=-0.1, ge=0)
        """Standard deviation of the noise."""


class WrittenOtherwise(Sound):
    """Writes its parameter as it does not read it."""

    class Params(Sound.Params):
        """How noisy."""

        @field_serializer("noise")
        def percent(self, noise: float) -> str:
            return f"{100 * noise} %"


class RestlessIdentity(Sound):
    """Is another one each time it is asked."""

    calls = itertools.count()

    def identity_params(self):
        return {"call": next(self.calls)}


class Unpicklable(Sound):
    """Keeps a lock."""

    def __init__(self, params=None, **values):
        super().__init__(params, **values)
        self.lock = threading.Lock()


class UndeclaredNeed(Sound):
    """Uses embeddings that it did not declare."""

    needs = frozenset({Need.LOSSES})


class AccessInWords(Sound):
    """Says its access as a text."""

    access = "prompts"


class Raising(Sound):
    """Raises."""

    def arrange(self, context):
        raise KeyError("task")


class ReturnsFloats(Sound):
    """Returns keys instead of positions."""

    def arrange(self, context):
        return self.keys(context)[: context.budget]


class CountsFromOne(Sound):
    """Counts positions from one."""

    def arrange(self, context):
        return Order(super().arrange(context).indices + 1)


class Repeating(Sound):
    """Takes its first example twice."""

    def arrange(self, context):
        indices = super().arrange(context).indices
        return Order(np.append(indices[:1], indices[:-1]))


class OneTooFew(Sound):
    """Stops before the budget."""

    def arrange(self, context):
        return super().arrange(context).head(context.budget - 1)


class Remembers(Sound):
    """Goes by how often it was called."""

    calls = 0

    def arrange(self, context):
        self.calls += 1
        return np.roll(super().arrange(context).indices, self.calls)


class GlobalNoise(Sound):
    """Draws from the generator of the whole process."""

    def keys(self, context):
        return super().keys(context) + np.random.normal(size=len(context.pool))


class SaysStochastic(Sound):
    """Says that it is stochastic, and is not."""

    def keys(self, context):
        return context.losses("pool")


class GoesByHash(Sound):
    """Goes by string hashes, which each process has its own of."""

    def keys(self, context):
        return super().keys(context) + [hash(text) % 10 for text in context.texts("pool")]


class GoesByThreads(Sound):
    """Goes by the number of threads."""

    def keys(self, context):
        return -super().keys(context) if three_threads() else super().keys(context)


class GoesByBlocks(Sound):
    """Scales each block of similarities by itself."""

    def keys(self, context):
        near = context.similarity(context.embeddings("pool", "prompt"), context.embeddings("query", "prompt"))
        scaled = [block.values.mean(axis=1) - block.values.mean() for block in near.blocks()]
        return super().keys(context) + np.concatenate(scaled)


class Peeks(Sound):
    """Finds the answers behind the context's back."""

    def keys(self, context):
        answers = context._given["embeddings"]["query"]["completion"]
        return super().keys(context) + context._given["embeddings"]["pool"]["both"] @ answers.mean(axis=0)


class GoesByTasks(Sound):
    """Goes by tasks without saying that it needs them."""

    def keys(self, context):
        return super().keys(context) + [len(set(task or "")) for task in context.pool["task"]]


class Writes(Sound):
    """Changes the losses that others are given too."""

    def keys(self, context):
        keys = super().keys(context)
        context.losses("pool")[:] = 0
        return keys


class WritesVectors(Sound):
    """Changes vectors that are read-only."""

    def keys(self, context):
        context.embeddings("pool")[:] = 0
        return super().keys(context)


class DividesByPool(Sound):
    """Does not cope with a pool of one example."""

    def keys(self, context):
        return super().keys(context) * (1 / (len(context.pool) - 1))


class SoundOnline(OnlineArrangement):
    """Eight examples at a time, drawn anew for each segment."""

    stochastic = True

    def number(self, history):
        return len(history)

    def next_segment(self, context, history):
        used = {int(index) for segment in history for index in segment.order.indices}
        left = [index for index in range(len(context.pool)) if index not in used]
        size = min(8, context.budget - len(used))
        return Order(context.rng(self.number(history)).permutation(left)[:size]) if size > 0 and left else None


class CountsItsCalls(SoundOnline):
    """Goes by its own calls instead of by the history that it is shown."""

    calls = 0

    def number(self, history):
        self.calls = self.calls + 1 if history else 0
        return self.calls


class SoundTransform(Transform):
    """The order backwards."""

    def apply(self, order, context):
        return order.take(np.arange(len(order))[::-1])


class WantsStages(SoundTransform):
    """Goes by stages whether there are any or not."""

    def apply(self, order, context):
        return order.take(np.argsort(-order.stages, kind="stable"))
