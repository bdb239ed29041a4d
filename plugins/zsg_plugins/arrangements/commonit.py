"""CommonIT: optimizer steps whose examples have something in common."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_plugins.length_classes import length_classes
from zsg_registry import ArrangeContext, Arrangement, Need, Order, Parameters, View

_NEEDS: Final = {"task": Need.TASKS, "cluster": Need.EMBEDDER, "length": Need.TOKENIZER}


class _Groups(NamedTuple):
    """The group of each example, int64 `[N]`, as a number in `names`. Every group has an example."""

    of: NDArray[np.int64]
    names: tuple[str, ...]


class CommonIt(Arrangement):
    """Each optimizer step takes examples of a single group: a task, a cluster or a class of length.

    CommonIT (Rao et al., arXiv 2410.03077). The examples of a group are shuffled and cut into steps of `batch_size`;
    then the steps of all groups are shuffled. What is left of a group makes a shorter step, so that steps are of
    unequal size; the authors' code drops it. A budget smaller than the pool takes the first steps, that is, a random
    draw of steps, and cuts the last one. The stage of an entry is its group.
    """

    stochastic = True

    class Params(Parameters):
        """What the examples of a step have in common."""

        by: Literal["task", "cluster", "length"] = "task"
        """`task`: the task; `cluster`: k-means of the embeddings, scaled to length 1; `length`: tokens under the base
        model's template, in classes of about equally many examples."""
        groups: int = Field(default=16, ge=1)
        """How many clusters or classes of length, at most; tasks are as many as there are."""
        view: View = "both"
        """Which text is embedded for clusters."""

    params: Params

    @property
    def needs(self) -> frozenset[Need]:
        """What the groups are made of."""
        return frozenset({_NEEDS[self.params.by]})

    def arrange(self, context: ArrangeContext) -> Order:
        """Shuffle the examples, gather them by group, cut steps, shuffle the steps."""
        groups = self._groups(context)
        shuffled = context.rng("examples").permutation(len(groups.of))
        gathered = shuffled[np.argsort(groups.of[shuffled], kind="stable")]
        steps = [
            members[start : start + context.batch_size]
            for members in np.split(gathered, np.cumsum(np.bincount(groups.of))[:-1])
            for start in range(0, len(members), context.batch_size)
        ]
        drawn = [steps[i] for i in context.rng("steps").permutation(len(steps))]
        indices = np.concatenate(drawn)
        return Order(
            indices,
            stages=groups.of[indices].astype(np.int32),
            stage_names=groups.names,
            steps=np.cumsum([len(step) for step in drawn]),
        ).head(context.budget)

    def _groups(self, context: ArrangeContext) -> _Groups:
        if self.params.by == "task":
            codes, names = context.pool.codes("task")
            return _Groups(codes.astype(np.int64), names)
        if self.params.by == "length":
            return _by_length(context.lengths("pool"), self.params.groups)
        return _clusters(context.embeddings("pool", self.params.view), self.params.groups)


def _by_length(lengths: NDArray[np.int64], classes: int) -> _Groups:
    of = length_classes(lengths, classes)
    bounds = [(lengths[of == i].min(), lengths[of == i].max()) for i in range(of.max() + 1)]
    return _Groups(of, tuple(f"{shortest}–{longest} tokens" for shortest, longest in bounds))


def _clusters(vectors: NDArray[np.float32], clusters: int) -> _Groups:
    """Mini-batch k-means (Sculley, 2010) with a fixed seed: seeds of a cell share their clusters.

    On one thread, since the order of the sums, and with it the clusters, would depend on the number of threads.
    """
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.preprocessing import normalize
    from threadpoolctl import threadpool_limits

    k_means: Any = MiniBatchKMeans(min(clusters, len(vectors)), batch_size=4096, n_init=3, random_state=0)
    with threadpool_limits(limits=1):
        labels = k_means.fit_predict(normalize(vectors))
    used, of = np.unique(labels, return_inverse=True)
    return _Groups(of.astype(np.int64), tuple(f"cluster {label}" for label in used))
