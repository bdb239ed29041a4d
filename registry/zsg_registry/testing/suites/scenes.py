"""What arrangements and transforms are tried on: a pool, a query, and what a model would make of them.

Vectors, losses and lengths are made from the texts alone. So equal texts have equal ones, and an answer that nobody may
see is in no other number either.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from zsg_registry.arrangement import Arranging
from zsg_registry.components import Need
from zsg_registry.context import ModelHandle
from zsg_registry.examples import VIEWS, Access, Example, ExampleSet
from zsg_registry.testing.context import NaiveContext
from zsg_registry.testing.model import tiny_model

_DIMENSIONS: Final = 8
_SEEN: Final = {"add": 14, "count": 3, "translate": 9, "sort": 8, "spell": 6}
_UNSEEN: Final = {"reverse": 4, "rhyme": 5}


@dataclass(frozen=True)
class Scene:
    """A pool and a query, with what is asked for.

    Attributes:
        pool: The training examples.
        query: Examples of unseen tasks, whole; a context restricts them.
        budget: How many examples are asked for.
        batch_size: Examples in an optimizer step.
        seed: What the context's generator derives from.
        block_rows: Rows in a block of similarities; None for two blocks.
        salts: Put before the texts that "embeddings", "losses" or "lengths" are made from: other salts, other numbers.
    """

    pool: ExampleSet
    query: ExampleSet
    budget: int
    batch_size: int = 4
    seed: int = 0
    block_rows: int | None = None
    salts: tuple[str, str, str] = ("", "", "")

    def numbers(self) -> dict[str, Any]:
        """Embeddings, losses and lengths, as a context is given them."""
        roles: dict[str, ExampleSet] = {"pool": self.pool, "query": self.query}
        vectors, losses, lengths = self.salts
        return {
            "embeddings": {
                role: {view: _vectors(examples.texts(view), vectors) for view in VIEWS}
                for role, examples in roles.items()
            },
            "losses": {role: _losses(examples, losses) for role, examples in roles.items()},
            "lengths": {role: _lengths(examples.texts("both"), lengths) for role, examples in roles.items()},
        }

    def context(
        self, component: Arranging, model: Callable[[], ModelHandle] = tiny_model, numbers: dict[str, Any] | None = None
    ) -> NaiveContext:
        """A context that allows what a component declares and nothing else; its numbers may be given."""
        return NaiveContext.of(
            component,
            self.pool,
            self.query,
            budget=self.budget,
            batch_size=self.batch_size,
            seed=self.seed,
            block_rows=self.block_rows,
            model=model,
            **(self.numbers() if numbers is None else numbers),
        )

    def scrambled(self, component: Arranging) -> Scene:
        """The same as far as a component may see, and everything else different."""
        needs = component.needs
        embeddings, losses, lengths = (
            "" if service in needs else "other " for service in (Need.EMBEDDER, Need.LOSSES, Need.TOKENIZER)
        )
        changed = replace(
            self, salts=(embeddings, losses, lengths), query=_withheld_changed(self.query, component.access)
        )
        if Need.TASKS not in needs:
            changed = replace(changed, pool=_tasks_changed(self.pool))
        return changed


@functools.cache
def ordinary() -> Scene:
    """Forty examples of five tasks, nine of two others, and a budget of most of the pool."""
    pool = ExampleSet.from_examples(_examples(_SEEN, "pool"))
    return Scene(pool, ExampleSet.from_examples(_examples(_UNSEEN, "query")), budget=len(pool) - 7)


@functools.cache
def awkward() -> dict[str, Scene]:
    """Data as it comes, by what is awkward about it."""
    whole = ordinary()
    single = replace(whole, pool=whole.pool.take([0]), query=whole.query.take([0]), budget=1)
    return {
        "a pool of one example": single,
        "a pool of two examples": replace(single, pool=whole.pool.take([0, 20]), budget=2),
        "a budget of one example": replace(whole, budget=1),
        "a budget of the whole pool": replace(whole, budget=len(whole.pool)),
        "steps that are larger than the pool": replace(whole, batch_size=100),
        "examples that are all the same": _of(whole, lambda example: ("Say yes.", "yes")),
        "texts without a word": _of(whole, lambda example: ("", "")),
        "answers that are empty": _of(whole, lambda example: (example.prompt or "", "")),
        "texts in other scripts": _of(whole, lambda example: (f"日本語 {example.prompt} 🟦\u200d\x00", "naïve\nعربى")),
        "a single task": _tasks(whole, "only"),
    }


def without_tasks() -> Scene:
    """Data that has no tasks."""
    return _tasks(ordinary(), None)


def _examples(tasks: dict[str, int], prefix: str) -> list[Example]:
    # Task by task, of different sizes, with prompts and answers of many lengths.
    return [
        Example(
            id=f"{prefix}-{task}-{number}",
            task=task,
            source=task[0],
            side="seen" if prefix == "pool" else "unseen",
            prompt=f"{task} " + " ".join(f"word{(number * 7 + k * k) % 23}" for k in range(1 + number * 5 % 11)),
            completion=" ".join(f"answer{(number + k) % 13}" for k in range(1 + number * 3 % 4)),
            instruction=f"Please {task}.",
        )
        for task, size in tasks.items()
        for number in range(size)
    ]


def _of(scene: Scene, texts: Callable[[Example], tuple[str, str]]) -> Scene:
    """A scene with other texts."""

    def changed(examples: ExampleSet) -> ExampleSet:
        found = ((example, *texts(example)) for example in examples)
        return ExampleSet.from_examples(
            replace(example, prompt=prompt, completion=completion, instruction=None)
            for example, prompt, completion in found
        )

    return replace(scene, pool=changed(scene.pool), query=changed(scene.query))


def _tasks(scene: Scene, task: str | None) -> Scene:
    pool = ExampleSet.from_examples(replace(example, task=task, source=None) for example in scene.pool)
    return replace(scene, pool=pool)


def _tasks_changed(pool: ExampleSet) -> ExampleSet:
    names = [example.task for example in pool]
    return ExampleSet.from_examples(
        replace(example, task=None if name is None else f"other {name}", source=None)
        for example, name in zip(pool, names[::-1], strict=True)
    )


def _withheld_changed(query: ExampleSet, access: Access) -> ExampleSet:
    """A query that looks the same with this access, and is another one."""
    if access == Access.ANSWERS:
        return query
    if access == Access.PROMPTS:
        return ExampleSet.from_examples(
            replace(example, completion=f"other {example.id}", references=("other",), choices=("other", "one"))
            for example in query
        )
    return ExampleSet.from_examples(
        replace(example, id=f"other-{example.id}", task="other", prompt=f"other {example.id}", completion="other")
        for example in query
    )


def _vectors(texts: Sequence[str], salt: str) -> NDArray[np.float32]:
    """Near to one another as those of real encoders are: all have much in common."""
    drawn = [1 + _normal(f"{salt}{text}") for text in texts]
    return np.array(drawn, dtype=np.float32).reshape(len(texts), _DIMENSIONS)


def _lengths(texts: Sequence[str], salt: str) -> NDArray[np.int64]:
    return np.array([len(f"{salt}{text}".split()) + 2 * len(salt) % 7 for text in texts], dtype=np.int64)


def _losses(examples: ExampleSet, salt: str) -> dict[str, NDArray[np.float64]]:
    """Of an empty answer there is none."""
    both, answers = examples.texts("both"), examples.texts("completion")
    of_answers, alone, whole = (
        np.array([np.abs(_normal(f"{salt}{kind}{text}")).sum() / 3 for text in texts], dtype=np.float64)
        for kind, texts in (("answer", both), ("alone", answers), ("text", both))
    )
    empty = np.array([not answer for answer in answers], dtype=np.bool_)
    of_answers[empty] = alone[empty] = np.nan
    return {"answer": of_answers, "answer-alone": alone, "text": whole}


@functools.lru_cache(maxsize=10_000)
def _normal(text: str) -> NDArray[np.float64]:
    """Numbers that belong to a text."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).normal(size=_DIMENSIONS)
