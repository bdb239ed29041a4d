"""Metrics that keep their promises, and others that break one each."""

from collections import Counter
from dataclasses import replace

import numpy as np
from threads_in_use import three_threads

from zsg_registry import Metric, MetricRows


class Sound(Metric):
    """The share of an acceptable answer's words that an answer has, at best."""

    outputs = {"recall": "higher"}  # noqa: RUF012
    requires = frozenset({"generations"})

    def value(self, answer, reference):
        wanted = Counter(reference.split())
        if not wanted:
            return float(not answer.split())
        return (wanted & Counter(answer.split())).total() / wanted.total()

    def values(self, batch):
        pairs = zip(batch.generations, batch.reference_lists(), strict=True)
        return np.array([max(self.value(answer, each) for each in references) for answer, references in pairs])

    def score(self, batch):
        return MetricRows.per_example(batch.examples, recall=self.values(batch))


class SoundLosses(Metric):
    """The mean loss of a task's tokens."""

    outputs = {"token_loss": "lower"}  # noqa: RUF012
    requires = frozenset({"losses"})

    def losses(self, batch):
        return batch.losses

    def score(self, batch):
        codes, tasks = batch.examples.codes("task")
        losses = self.losses(batch)
        is_valid = np.isfinite(losses)
        tokens = np.bincount(codes, np.where(is_valid, batch.tokens, 0), minlength=len(tasks)).astype(np.int64)
        sums = np.bincount(codes, np.where(is_valid, losses * batch.tokens, 0), minlength=len(tasks))
        scored = np.flatnonzero(tokens)
        names = [tasks[task] for task in scored]
        values = sums[scored] / tokens[scored]
        return MetricRows([None] * len(names), names, ["token_loss"] * len(names), values, tokens[scored])


class UnknownScope(Sound):
    """Scores something that there is not."""

    scope = "everything"


class UnknownDirection(Sound):
    """Says of no direction that it is better."""

    @property
    def outputs(self):
        return {"recall": "up"}


class Raising(Sound):
    """Raises."""

    def values(self, batch):
        raise KeyError("answer")


class ReadsLosses(Sound):
    """Reads losses that it does not require."""

    def values(self, batch):
        return super().values(batch) - batch.losses


class UndeclaredOutput(Sound):
    """Yields an output that it does not declare."""

    def score(self, batch):
        return MetricRows.per_example(batch.examples, precision=self.values(batch))


class ForeignExamples(Sound):
    """Is about examples that nobody asked about."""

    def score(self, batch):
        rows = super().score(batch)
        return replace(rows, example_ids=[f"my-{each}" for each in rows.example_ids])


class NobodyCounted(Sound):
    """Says that nothing is behind its values."""

    def score(self, batch):
        rows = super().score(batch)
        return replace(rows, counts=np.zeros_like(rows.counts))


class GoesByNeighbours(Sound):
    """Goes by whether an example comes behind one of a greater number."""

    def values(self, batch):
        numbers = [int(each.rpartition("-")[2]) for each in batch.examples.ids]
        return super().values(batch) - 0.1 * (np.diff(numbers, prepend=-1) < 0)


class ScalesByBatch(Sound):
    """Scales by how many examples there are."""

    def values(self, batch):
        return super().values(batch) / (1 + len(batch.examples))


class WrongDirection(Sound):
    """Says that lower is better of what is better when higher."""

    outputs = {"recall": "lower"}  # noqa: RUF012


class Unbounded(Sound):
    """Likes long answers."""

    def value(self, answer, reference):
        return super().value(answer, reference) + 0.01 * len(answer)


class WantsReferences(Sound):
    """Divides by the words of a reference, which may have none."""

    def value(self, answer, reference):
        return len(set(answer.split()) & set(reference.split())) / len(set(reference.split()))


class AsciiOnly(Sound):
    """Does not cope with other scripts."""

    def value(self, answer, reference):
        return super().value(answer.encode("ascii").decode(), reference)


class ZeroForMissing(Metric):
    """Takes a loss that is missing for none at all."""

    outputs = {"own_loss": "lower"}  # noqa: RUF012
    requires = frozenset({"losses"})

    def score(self, batch):
        return MetricRows.per_example(batch.examples, own_loss=np.nan_to_num(batch.losses))


class Noisy(Sound):
    """Draws from the generator of the whole process."""

    def values(self, batch):
        return super().values(batch) + np.random.normal(scale=1e-9)


class GoesByHash(Sound):
    """Goes by string hashes."""

    def values(self, batch):
        return super().values(batch) - hash("recall") % 1000


class GoesByThreads(Sound):
    """Goes by the number of threads."""

    def values(self, batch):
        return super().values(batch) - three_threads()


class Writes(Sound):
    """Changes the answers that other metrics are given too."""

    def values(self, batch):
        values = super().values(batch)
        batch.generations[0] = "nothing"
        return values
