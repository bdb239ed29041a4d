"""Four methods that are hard to fit into a contract, written against ours and run on the naive context.

They are sketches: small, but with the structure of the real method, so that what the contract lacks would show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from zsg_registry import (
    Access,
    ArrangeContext,
    Arrangement,
    ContractError,
    ExampleSet,
    ModelHandle,
    Need,
    OnlineArrangement,
    Order,
    Parameters,
    Segment,
)
from zsg_registry.testing import NaiveContext, dialogue_set, example_set

# --- Gradient selection, after LESS: warm up, project per-example gradients, compare them with the query's ------------


class GradientSelection(Arrangement):
    """Examples first whose gradients point where the query's do.

    Two checkpoints of a short warm-up; random projection; the mean over a query task, the greatest over tasks.
    """

    class Params(Parameters):
        warmup: int = 8
        dimension: int = 16

    params: Params
    needs = frozenset({Need.GRADIENTS})
    access = Access.ANSWERS
    stochastic = True

    def arrange(self, context: ArrangeContext) -> Order:
        handle = context.model(fresh=True)
        scores = self._influence(context, handle)
        warmup = context.rng("warmup").permutation(len(context.pool))[: self.params.warmup]
        for batch in handle.encode(context.pool.take(warmup)):
            handle.model.descend(batch, learning_rate=0.1)
        scores += self._influence(context, handle)
        order = np.argsort(-scores, kind="stable")
        return Order(order, scores=scores[order].astype(np.float32)).head(context.budget)

    def _influence(self, context: ArrangeContext, handle: ModelHandle) -> NDArray[np.float64]:
        pool, query = (self._features(context, handle, examples) for examples in (context.pool, context.query))
        tasks, names = context.query.codes("task")
        by_task = [context.similarity(pool, query[tasks == task]).reduce("mean") for task in range(len(names))]
        return np.max(by_task, axis=0)

    def _features(self, context: ArrangeContext, handle: ModelHandle, examples: ExampleSet) -> NDArray[np.float32]:
        # A batch of one: the gradient of each example alone.
        batches = (batch for i in range(len(examples)) for batch in handle.encode(examples.take([i])))
        gradients = np.stack([handle.model.gradient(batch) for batch in batches])
        projection = context.rng("projection").normal(size=(gradients.shape[1], self.params.dimension))
        return (gradients @ projection).astype(np.float32)


class ToyModel:
    """Least squares on counts of letters: just enough of a model to have gradients."""

    def __init__(self) -> None:
        self.weights = np.zeros((26, 26))

    def gradient(self, batch: dict[str, Any]) -> NDArray[np.float64]:
        error = batch["input_ids"] @ self.weights - batch["labels"]
        return (batch["input_ids"].T @ error / len(error)).ravel()

    def descend(self, batch: dict[str, Any], learning_rate: float) -> None:
        self.weights -= learning_rate * self.gradient(batch).reshape(26, 26)


class ToyHandle:
    """A `ModelHandle` of the toy."""

    device = "cpu"
    tokenizer = None

    def __init__(self) -> None:
        self.model = ToyModel()

    def encode(self, examples: ExampleSet) -> Iterator[dict[str, Any]]:
        prompts, answers = (
            np.array([[text.count(chr(97 + letter)) for letter in range(26)] for text in examples.texts(view)])
            for view in ("prompt", "completion")
        )
        for start in range(0, len(examples), 4):
            yield {"input_ids": prompts[start : start + 4], "labels": answers[start : start + 4]}


def test_gradient_selection() -> None:
    # "c" is asked of the unseen task; only the pool's "k" examples teach c → d, the others e → f and g → h.
    prompts, answers = ["ee", "cc", "gg", "c", "e", "ccc"], ["f", "dd", "h", "d", "ff", "d"]
    pool = example_set(["a", "k", "b", "k", "a", "k"], prompts=prompts, completions=answers)
    query = example_set(["u"] * 2, prompts=["cc", "cccc"], completions=["d", "dd"], side="unseen", prefix="query-")
    selection = GradientSelection()
    context = NaiveContext.of(selection, pool, query, model=ToyHandle, budget=3)
    order = selection.arrange(context)
    assert sorted(order.indices.tolist()) == [1, 3, 5]
    assert not context.model().model.weights.any()  # the warm-up trained a copy
    assert selection.arrange(context).indices.tolist() == order.indices.tolist()
    with pytest.raises(ContractError, match=r"Need\.GRADIENTS"):
        selection.arrange(NaiveContext(pool, query, model=ToyHandle, needs=frozenset()))


# --- An online arrangement, after Skill-It: task weights follow the losses -------------------------------------------


class FollowLosses(OnlineArrangement):
    """Every segment draws tasks with weights ∝ exp(η · affinity · Σ losses), multiplied up over the segments."""

    class Params(Parameters):
        segment: int = 8
        eta: float = 1.0

    params: Params
    needs = frozenset({Need.TASKS, Need.EMBEDDER})
    stochastic = True

    def next_segment(self, context: ArrangeContext, history: Sequence[Segment]) -> Order | None:
        used = [position for segment in history for position in segment.order.indices]
        left = min(self.params.segment, context.budget - len(used))
        if left == 0:
            return None
        tasks, names = context.pool.codes("task")
        losses = np.zeros(len(names))
        for segment in history:
            losses += [segment.losses[name] for name in names]
        weights = np.exp(self.params.eta * (self._affinity(context, tasks, len(names)) @ losses))[tasks]
        weights[used] = 0
        # Keyed by the segment, so that a replayed history gives the same draw.
        drawn = context.rng(len(history)).choice(len(tasks), left, replace=False, p=weights / weights.sum())
        return Order(drawn, stages=tasks[drawn], stage_names=names)

    def _affinity(self, context: ArrangeContext, tasks: NDArray[np.int32], n: int) -> NDArray[np.float64]:
        vectors = context.embeddings("pool", "prompt")
        centres = np.stack([vectors[tasks == task].mean(axis=0) for task in range(n)])
        affinity = np.empty((n, n))
        for block in context.similarity(centres, centres).blocks():
            affinity[block.start : block.start + len(block.values)] = np.maximum(block.values, 0)
        return affinity


def test_an_online_arrangement_follows_the_losses_and_is_replayed() -> None:
    pool = example_set([task for task in "abc" for _ in range(40)])
    vectors = np.repeat(np.eye(3), 40, axis=0)
    online = FollowLosses(eta=4.0)
    context = NaiveContext.of(online, pool, budget=28, embeddings={"pool": vectors})

    def train(until: int) -> list[Segment]:
        history: list[Segment] = []
        while len(history) < until and (order := online.next_segment(context, history)) is not None:
            history.append(Segment(order, losses={"a": 0.0, "b": 2.0, "c": 0.1}))
        return history

    history = train(99)
    positions = [int(i) for segment in history for i in segment.order.indices]
    assert [len(segment.order) for segment in history] == [8, 8, 8, 4]
    assert len(set(positions)) == 28
    assert {pool["task"][i] for i in positions[16:]} == {"b"}  # after the first losses, the task that needs it
    resumed = train(2)  # a resumed cell replays its history and goes on from there
    after = online.next_segment(context, resumed)
    assert after is not None
    assert after.indices.tolist() == history[2].order.indices.tolist()
    with pytest.raises(ContractError, match="no query"):
        _ = context.query


# --- Minibatches of a single group, after CommonIT: unequal steps ----------------------------------------------------


class SingleTaskBatches(Arrangement):
    """Every batch holds examples of one task; the batches come in random order. A task's last batch is short."""

    needs = frozenset({Need.TASKS})
    stochastic = True

    def arrange(self, context: ArrangeContext) -> Order:
        tasks, names = context.pool.codes("task")
        batches = [
            members[start : start + context.batch_size]
            for task in range(len(names))
            for members in [context.rng("members", names[task]).permutation(np.flatnonzero(tasks == task))]
            for start in range(0, len(members), context.batch_size)
        ]
        batches = [batches[i] for i in context.rng("batches").permutation(len(batches))]
        indices = np.concatenate(batches)
        steps = np.cumsum([len(batch) for batch in batches])
        return Order(indices, stages=tasks[indices], stage_names=names, steps=steps).head(context.budget)


@pytest.mark.parametrize("budget", [23, 17, 1])
def test_batches_of_a_single_task_are_steps_of_unequal_length(budget: int) -> None:
    pool = example_set(list("aaaaaaabbbbbcccccccccca"))
    batched = SingleTaskBatches()
    order = batched.arrange(NaiveContext.of(batched, pool, batch_size=4, budget=budget))
    ends = order.step_ends(4)
    steps = np.split(pool["task"][order.indices], ends[:-1])
    assert all(len(set(step)) == 1 and 1 <= len(step) <= 4 for step in steps)
    assert sum(map(len, steps)) == len(set(order.indices.tolist())) == budget
    if budget == 23:
        assert sorted(map(len, steps)) == [1, 2, 4, 4, 4, 4, 4]


# --- Dialogues without tasks -----------------------------------------------------------------------------------------


class SimilarDialogues(Arrangement):
    """Long dialogues first, those of one length by nearness to the open questions of the held-out ones."""

    needs = frozenset({Need.EMBEDDER})
    access = Access.PROMPTS

    def arrange(self, context: ArrangeContext) -> Order:
        turns = np.array([len(example.messages or ()) for example in context.pool])
        similarity = context.similarity(context.embeddings("pool", "prompt"), context.embeddings("query", "prompt"))
        order = np.lexsort((-similarity.reduce("max"), -turns))
        return Order(order, stages=turns[order]).head(context.budget)


def test_dialogues_without_tasks() -> None:
    pool = dialogue_set([["q", "a"], ["q", "a", "q", "a"], ["q", "a"], ["q", "a", "q", "a"]])
    query = dialogue_set([["open", "so far", "last question", "the secret answer"]], side="unseen", prefix="query-")
    similar = SimilarDialogues()
    embeddings = {"pool": [[1, 0], [1, 0], [0, 1], [0, 1]], "query": [[0, 1]]}
    context = NaiveContext.of(similar, pool, query, embeddings=embeddings)
    assert similar.arrange(context).indices.tolist() == [3, 1, 2, 0]
    (example,) = context.query
    assert [turn.content for turn in example.messages or ()] == ["open", "so far", "last question"]
    assert context.texts("query", "prompt") == ["open\nso far\nlast question"]
    assert context.pool.codes("task")[1] == ("",)
