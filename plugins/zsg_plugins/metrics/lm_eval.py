"""The metric `lm-eval`: benchmarks of EleutherAI's lm-evaluation-harness, on the model as it is in memory."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from pydantic import Field

from zsg_registry import (
    ContractError,
    Direction,
    InputPath,
    Metric,
    MetricBatch,
    MetricRows,
    Parameters,
    ZsgError,
    did_you_mean,
)

_INSTALL: Final = "pip install 'zsg-harness[lm-eval]'"
_SEED: Final = 1234
"""What lm-eval draws the examples in its prompts with, unless it is told otherwise."""


class LmEval(Metric):
    """Tasks of lm-evaluation-harness, scored while a cell runs, at the steps at which answers are generated.

    Gao et al., "The Language Model Evaluation Harness" (2021–), version 0.4.9 or later, the extra `lm-eval`. Every
    metric m of a task is an output `lm_eval_m` (with a filter f other than "none", `lm_eval_m_f`), in lm-eval's own
    units. These scores are external: they stand apart from those on unseen tasks, and enter no average of them.
    """

    examples = ("lm-eval[tasks=hellaswag,limit=100]",)

    class Params(Parameters):
        """Which tasks, and how they are asked."""

        tasks: str | list[str]
        """A task, group or tag, or several: `lm-eval[tasks=arc_easy]`, `lm-eval[tasks=["a","b"]]`."""

        include_path: InputPath | None = None
        """A folder with the YAML files of tasks (relative to the matrix file). Then no others are looked for; without
        it, tasks are those that lm-eval brings."""

        num_fewshot: int | None = Field(default=None, ge=0)
        """Solved examples in each prompt; by default as many as the task says."""

        limit: int | None = Field(default=None, ge=1)
        """Score the first so many examples of each task; by default all."""

        batch_size: int = Field(default=16, ge=1)
        """Requests that go through the model together."""

        max_length: int | None = Field(default=None, ge=8)
        """Tokens of a request; by default as many as the model takes."""

        add_bos: bool | None = None
        """Whether prompts begin with BOS; by default as the tokenizer does."""

        chat_template: bool = False
        """Whether prompts go through the tokenizer's chat template."""

    requires = frozenset({"model"})
    scope = "external"
    params: Params

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        self._tasks: dict[str, Any] = {}
        self._outputs: dict[str, Direction] = {}

    @property
    def outputs(self) -> Mapping[str, Direction]:
        """One for each metric of the tasks, which `open` loads."""
        return self._outputs

    def unavailable(self) -> str | None:
        """Tells how to install lm-eval, where it is not."""
        return None if find_spec("lm_eval") is not None else f"lm-eval is not installed: {_INSTALL}"

    def check(self) -> None:
        """Look for the tasks' names.

        Raises:
            ZsgError: There is no task of a name.
        """
        self._manager()

    def open(self) -> None:
        """Load the tasks with their data.

        Raises:
            ZsgError: There is no task of a name, or it cannot be loaded.
        """
        with _quiet():
            manager = self._manager()
            try:
                self._tasks = manager.load(self._names)["tasks"]
            except Exception as error:  # as many ways as there are data sets
                first_line = next(iter(str(error).strip().splitlines()), type(error).__name__)
                raise ZsgError(f"metric 'lm-eval': {', '.join(self._names)} cannot be loaded: {first_line}") from error
        for task in self._tasks.values():
            for metric, is_higher_better in task.higher_is_better().items():
                for name in _filters(task):
                    self._outputs[_output(metric, name)] = "higher" if is_higher_better else "lower"

    def score(self, batch: MetricBatch) -> MetricRows:
        """Each example's value where a task's score is their mean, else the task's score."""
        if batch.model is None:
            raise ContractError("the metric 'lm-eval' requires the model, and the batch has none")
        if not self._tasks:
            self.open()
        from lm_eval.evaluator import evaluate
        from lm_eval.models.huggingface import HFLM

        with _quiet():
            for task in self._tasks.values():
                _configure(task, self.params.num_fewshot)
            model = HFLM(
                pretrained=batch.model.model,
                tokenizer=copy.deepcopy(batch.model.tokenizer),  # it is given a padding token
                backend="causal",
                batch_size=self.params.batch_size,
                max_length=self.params.max_length,
                add_bos_token=self.params.add_bos,
            )
            found = evaluate(
                lm=model,
                task_dict={"tasks": self._tasks},
                limit=self.params.limit,
                bootstrap_iters=0,
                apply_chat_template=self.params.chat_template,
            )
        return _rows(self._tasks, found)

    def close(self) -> None:
        """Let the tasks go."""
        self._tasks = {}

    @property
    def _names(self) -> list[str]:
        return [self.params.tasks] if isinstance(self.params.tasks, str) else self.params.tasks

    def _manager(self) -> Any:
        from lm_eval.tasks import TaskManager

        place = self.params.include_path
        with _quiet():
            manager = TaskManager(include_path=place, include_defaults=place is None)
        for name in self._names:
            if name not in manager.all_tasks:
                where = f" in {place}" if place is not None else ""
                raise ZsgError(f"metric 'lm-eval': no task {name!r}{where}{did_you_mean(name, manager.all_tasks)}")
        return manager


def _configure(task: Any, num_fewshot: int | None) -> None:
    """What lm-eval's own command does with a task before it runs it."""
    own = task.get_config("num_fewshot")
    if own is None or (num_fewshot is not None and own != 0):  # a task that says 0 can be asked in no other way
        task.set_config(key="num_fewshot", value=num_fewshot or 0)
    task.set_fewshot_seed(seed=_SEED)


def _filters(task: Any) -> list[str]:
    named = [each["name"] for each in task.get_config("filter_list") or []]
    return named or ["none"]


def _output(metric: str, name: str) -> str:
    return f"lm_eval_{metric}" + ("" if name == "none" else f"_{name}")


def _rows(tasks: Mapping[str, Any], found: Any) -> MetricRows:
    ids: list[str | None] = []
    names: list[str] = []
    outputs: list[str] = []
    values: list[float] = []
    counts: list[int] = []
    for name, task in tasks.items():
        for metric, chosen, score in _scores(found["results"][name]):
            samples = [sample for sample in found["samples"][name] if sample["filter"] == chosen]
            own: Sequence[tuple[str | None, float, int]] = [(None, score, len(samples))]
            if _is_mean(task, metric):
                own = [(f"{name}/{sample['doc_id']}", float(sample[metric]), 1) for sample in samples]
            ids += [example_id for example_id, _, _ in own]
            values += [value for _, value, _ in own]
            counts += [count for _, _, count in own]
            names += [name] * len(own)
            outputs += [_output(metric, chosen)] * len(own)
    return MetricRows(ids, names, outputs, np.array(values), np.array(counts, dtype=np.int64))


def _scores(results: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """Metric, filter and value; lm-eval has them under `metric,filter`, among other facts."""
    for key, value in results.items():
        metric, is_score, chosen = key.partition(",")
        if is_score and not metric.endswith("_stderr") and isinstance(value, int | float):
            yield metric, chosen, float(value)


def _is_mean(task: Any, metric: str) -> bool:
    """Whether a task's score is the mean of its examples' values."""
    from lm_eval.api.metrics import mean

    return task.aggregation().get(metric) is mean


@contextmanager
def _quiet() -> Iterator[None]:
    """Only errors are said: what lm-eval tells of its progress would break the display of a run."""
    logger = logging.getLogger("lm_eval")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
