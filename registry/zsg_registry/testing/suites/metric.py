"""The suite of metrics."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar, get_args

import numpy as np

from zsg_registry.components import Kind
from zsg_registry.errors import ContractError, ZsgError
from zsg_registry.metric import Averaging, Direction, Metric, MetricRows, Requirement, Scope
from zsg_registry.testing.suites.checks import fault, not_applicable, told
from zsg_registry.testing.suites.component import ComponentSuite, runs_here
from zsg_registry.testing.suites.elsewhere import global_seeds, in_another_process, threads
from zsg_registry.testing.suites.scored import (
    WRONG,
    Key,
    Scored,
    assorted,
    is_better,
    keys_of,
    mean_of,
    opened,
    outputs_of,
    rows_of,
    scores,
    values_of,
    weights_of,
    what_differs,
)

M = TypeVar("M", bound=Metric)


class MetricSuite(ComponentSuite[M]):
    """What a metric promises. A subclass gives the fixture `component`; `scored` may be overridden."""

    kind: ClassVar[Kind] = "metric"

    def scored(self) -> Scored:
        """Answers of all kinds, of three tasks."""
        return assorted()

    def test_declares_what_it_is(self, component: M) -> None:
        """What it requires, its scope and its averaging are such as there are."""
        allowed = get_args(Requirement)
        requires: object = component.requires
        if not isinstance(requires, frozenset) or not requires <= set(allowed):
            fault(f"requires is {requires!r}: a frozenset of {', '.join(allowed)}")
        for name, words in (("scope", get_args(Scope)), ("averaging", get_args(Averaging))):
            if getattr(component, name) not in words:
                fault(f"{name} is {getattr(component, name)!r}: it must be one of {', '.join(words)}")

    def test_declares_directions(self, component: M) -> None:
        """Each output has a name, and a direction that is better."""
        runs_here(component)
        try:
            with opened(component):
                outputs: Any = component.outputs
        except Exception as error:
            not_applicable(f"it raised {type(error).__name__}, which another check tells of")
        if not isinstance(outputs, Mapping) or not outputs:
            fault("it has no outputs once it is open: map the name of each value to 'lower' or 'higher'")
        for name, direction in outputs.items():
            if not isinstance(name, str) or not name.strip() or not name.isprintable():
                fault(f"the output {name!r} has no name that a column could have")
            if direction not in get_args(Direction):
                fault(f"the direction of {name!r} is {direction!r}: say 'lower' or 'higher', whichever is better")

    def test_works_on_ordinary_data(self, component: M) -> None:
        """It raises nothing, with what it requires and nothing else."""
        runs_here(component)
        try:
            rows_of(component, self.scored())
        except Exception as error:
            fault(f"it raises on ordinary answers: {told(error)}; name what it reads in requires")

    def test_returns_rows_of_the_batch(self, component: M) -> None:
        """Rows are about the batch's examples and tasks, and the declared outputs."""
        rows, scored = self._rows(component), self.scored()
        if not isinstance(rows, MetricRows):
            fault(f"score() returned a {type(rows).__name__}: return MetricRows, as MetricRows.per_example makes them")
        undeclared = sorted(set(rows.outputs) - set(outputs_of(component)))
        if undeclared:
            fault(f"the output {undeclared[0]!r} is not declared: name it in outputs, with its direction")
        if np.asarray(rows.values).dtype.kind != "f":
            fault(f"values are {np.asarray(rows.values).dtype}: return float64")
        keys = keys_of(rows)
        if len(set(keys)) < len(keys):
            fault("two rows are about the same example, task and output: return one")
        if component.scope == "external":
            return
        tasks = {example.id: example.task or "" for example in scored.examples}
        for example_id, task, _ in keys:
            if example_id is not None and example_id not in tasks:
                fault(f"a row is about {example_id!r}, which is no example of the batch")
            if task not in tasks.values() or tasks.get(example_id or "", task) != task:
                fault(f"a row says task {task!r}, which its example is not of: take the batch's tasks")

    def test_counts_are_true(self, component: M) -> None:
        """A value says how many examples, or tokens, are behind it: at least one."""
        rows, scored = self._valid(component), self.scored()
        if component.scope == "external":
            not_applicable("it scores something of its own")
        counts = np.asarray(rows.counts)
        if counts.dtype.kind not in "iu":
            fault(f"counts are {counts.dtype}: return int64")
        for (example_id, task, output), value, count in zip(keys_of(rows), rows.values, counts, strict=True):
            about = [n for n, each in enumerate(scored.examples) if (each.task or "") == task]
            if example_id is not None:
                about = [n for n in about if scored.examples[n].id == example_id]
            if not about:
                continue  # a row about nothing is another check's
            most = max(len(about), int(scored.tokens[about].sum()) if "losses" in component.requires else 0)
            if count > most:
                fault(f"{count} are said to be behind a value of {output!r} that {most} can be behind at most")
            if count < 1 and np.isfinite(value):
                fault(f"a value of {output!r} has a count of {count}: count the examples, or tokens, behind it")

    def test_order_does_not_matter(self, component: M) -> None:
        """In whichever order examples come, they score the same."""
        values, scored = self._values(component), self.scored()
        shuffled = scored.take(np.random.default_rng(0).permutation(len(scored.examples)).tolist())
        differs = what_differs(values, scores(component, shuffled))
        if differs:
            fault(f"in another order {differs} scores otherwise: go by each example alone")

    def test_scores_do_not_depend_on_the_batch(self, component: M) -> None:
        """An example's score is its own, and a task's that of its examples."""
        values, scored = self._values(component), self.scored()
        if component.scope == "external":
            not_applicable("it scores something of its own")
        for task in dict.fromkeys(example.task for example in scored.examples):
            own = [n for n, example in enumerate(scored.examples) if example.task == task]
            expected = {key: value for key, value in values.items() if key[1] == (task or "")}
            differs = what_differs(expected, scores(component, scored.take(own)))
            if differs:
                fault(f"without the other tasks {differs} scores otherwise: nothing may be scaled by the whole batch")
            alone = scores(component, scored.take(own[:1]))
            single = {key: value for key, value in alone.items() if key[0] is not None}
            differs = what_differs({key: values.get(key, np.nan) for key in single}, single)
            if differs:
                fault(f"alone {differs} scores otherwise: an example's score must not depend on the batch")

    def test_the_better_answer_scores_better(self, component: M) -> None:
        """The direction is true: right answers, or lower losses, score better than wrong ones."""
        self._values(component)
        good, bad = self._good(component), self._bad(component)
        for output, direction in outputs_of(component).items():
            better, worse = (mean_of(scores(component, each), output) for each in (good, bad))
            if np.isfinite([better, worse]).all() and not is_better(better, worse, direction):
                fault(
                    f"{output!r} is {better:g} for right answers and {worse:g} for wrong ones: better is {direction!r}"
                )

    def test_nothing_beats_the_right_answer(self, component: M) -> None:
        """Values have a bound: no answer scores better than an acceptable one, and all values are finite."""
        values = self._values(component)
        infinite = next((key for key, value in values.items() if np.isinf(value)), None)
        if infinite:
            fault(f"a value of {infinite[2]!r} is infinite: give NaN where there is no score")
        if "generations" not in component.requires:
            not_applicable("it does not go by answers")
        best = scores(component, self._good(component))
        wrong = scores(component, self._bad(component))
        outputs = outputs_of(component)
        for key, value in values.items():
            bound = best.get(key, np.nan)
            if not is_better(mean_of(best, key[2]), mean_of(wrong, key[2]), outputs[key[2]]):
                continue  # whether the direction is true is another check's
            if is_better(value, bound, outputs[key[2]]):
                fault(f"an answer of {key[0]!r} scores {value:g} in {key[2]!r}, the right one {bound:g}: bound it")

    def test_copes_with_empty_references(self, component: M) -> None:
        """References may be missing or empty: then the completion, itself perhaps empty, is the acceptable answer."""
        self._values(component)
        kinds: list[tuple[str, str, tuple[str, ...] | None]] = [
            ("no references", "yes", None),
            ("an empty list of references", "yes", ()),
            ("an empty completion", "", None),
            ("an empty reference", "yes", ("",)),
        ]
        for name, completion, references in kinds:
            examples = tuple(
                replace(each, completion=completion, references=references) for each in self.scored().examples
            )
            self._copes(component, name, self.scored()._replace(examples=examples))

    def test_copes_with_awkward_data(self, component: M) -> None:
        """Single, empty, foreign and long answers have a score or none, and raise nothing."""
        self._values(component)
        scored = self.scored()
        count = len(scored.examples)
        foreign = tuple(f"日本語 naïve 🟦\u200d\x00 {answer}" for answer in scored.generations)
        without_tasks = tuple(replace(example, task=None) for example in scored.examples)
        self._copes(component, "a batch of one example", scored.take([0]))
        self._copes(component, "answers that are empty", scored._replace(generations=("",) * count))
        self._copes(component, "answers in other scripts", scored._replace(generations=foreign))
        self._copes(component, "a long answer", scored._replace(generations=("so on " * 2000,) * count))
        self._copes(component, "data without tasks", scored._replace(examples=without_tasks))

    def test_missing_losses_stay_missing(self, component: M) -> None:
        """An example without a loss, whose answer did not fit, has no score either."""
        if "losses" not in component.requires:
            not_applicable("it does not go by losses")
        self._values(component)
        scored = self.scored()
        scored.losses[[0, 3]] = np.nan
        scored.tokens[[0, 3]] = 0
        values = scores(component, scored)
        given = [key for key, value in values.items() if key[0] == scored.examples[0].id and not np.isnan(value)]
        if given:
            fault(f"an example without a loss scores {values[given[0]]:g} in {given[0][2]!r}: leave it NaN, or out")
        of_tasks = next((key for key, value in values.items() if key[0] is None and np.isnan(value)), None)
        if of_tasks:
            fault(f"one missing loss makes {of_tasks[2]!r} of task {of_tasks[1]!r} missing: leave such examples out")

    def test_is_the_same_at_every_call(self, component: M) -> None:
        """The same object, closed and opened again, and a new one give the same scores."""
        values = self._values(component)
        for seed, each in enumerate((component, type(component)(component.params))):
            with global_seeds(seed):
                differs = what_differs(values, scores(each, self.scored()), tolerance=0)
            if differs:
                fault(
                    f"at a second call {differs} scores otherwise: draw nothing, and let close() undo what open() did"
                )

    def test_is_the_same_in_another_process(self, component: M) -> None:
        """A process with other string hashes gives the same scores."""
        values = self._values(component)
        try:
            pickle.dumps(component)
        except Exception:
            not_applicable("it cannot be pickled, which another check tells of")
        differs = what_differs(values, in_another_process(scores, type(component)(component.params), self.scored()))
        if differs:
            fault(f"in another process {differs} scores otherwise: do not go by hash(), sets or the environment")

    def test_is_the_same_with_any_number_of_threads(self, component: M) -> None:
        """One thread and three give the same scores, but for rounding."""
        values = self._values(component)
        for count in (1, 3):
            with threads(count):
                differs = what_differs(values, scores(component, self.scored()))
            if differs:
                fault(f"with {count} threads {differs} scores otherwise: let nothing depend on how work is split up")

    def test_leaves_its_input_as_it_was(self, component: M) -> None:
        """Losses, answers and the model are shared with other metrics."""
        self._values(component)
        batch = self.scored().batch(component.requires)
        before = copy.deepcopy((batch.losses, batch.tokens, batch.generations)), weights_of(batch)
        with opened(component):
            component.score(batch)
        for name, was, now in zip(
            ("losses", "tokens", "generations"), before[0], (batch.losses, batch.tokens, batch.generations), strict=True
        ):
            if was is not None and not np.array_equal(was, now, equal_nan=name == "losses"):  # type: ignore[arg-type]
                fault(f"it changed the batch's {name}, which other metrics are given too: work on a copy")
        if weights_of(batch) != before[1]:
            fault("it changed the model, which goes on training: leave its weights and its mode as they were")

    def _rows(self, component: M) -> MetricRows:
        """What it returns, where it returns something: that it does is a check of its own."""
        runs_here(component)
        try:
            return rows_of(component, self.scored())
        except Exception as error:
            not_applicable(f"it raised {type(error).__name__}, which another check tells of")

    def _valid(self, component: M) -> MetricRows:
        rows: object = self._rows(component)
        if not isinstance(rows, MetricRows) or not set(rows.outputs) <= set(outputs_of(component)):
            not_applicable("it returns other things than declared rows, which another check tells of")
        return rows

    def _values(self, component: M) -> dict[Key, float]:
        return values_of(self._valid(component))

    def _good(self, component: M) -> Scored:
        """Answers as they should be. A metric that does not compare with references, and a model's, cannot be told."""
        scored = self.scored()
        if component.requires <= {"losses"} and component.requires:
            return scored
        if "generations" not in component.requires or not self._compares(component):
            not_applicable("what a right answer is, it does not say: it does not compare with references")
        return scored._replace(generations=tuple(example.completion or "" for example in scored.examples))

    def _bad(self, component: M) -> Scored:
        scored = self.scored()
        return scored._replace(losses=scored.losses + 1, generations=(WRONG,) * len(scored.examples))

    def _compares(self, component: M) -> bool:
        """Whether other references make other scores."""
        scored = self.scored()
        right = scored._replace(generations=tuple(example.completion or "" for example in scored.examples))
        others = tuple(replace(example, completion=WRONG, references=None) for example in scored.examples)
        wrong = right._replace(examples=others)
        return what_differs(*(scores(component, each) for each in (right, wrong))) is not None

    def _copes(self, component: M, name: str, scored: Scored) -> None:
        try:
            values = scores(component, scored)
        except Exception as error:
            if isinstance(error, ZsgError) and not isinstance(error, ContractError):
                return
            fault(f"{name}: {told(error)}; give a score, or NaN where there is none")
        infinite = next((key for key, value in values.items() if np.isinf(value)), None)
        if infinite:
            fault(f"{name}: a value of {infinite[2]!r} is infinite; give NaN where there is no score")
