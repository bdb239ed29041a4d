"""A data set that keeps its promises, and others that break one each."""

import itertools
import socket
from contextlib import suppress
from dataclasses import replace

import numpy as np
from pydantic import Field

from zsg_registry import Dataset, Example, Parameters


class Sound(Dataset):
    """Sums of small numbers; those of the last task are unseen."""

    class Params(Parameters):
        """How many."""

        tasks: int = Field(default=3, ge=2)
        """How many tasks there are."""

    license = "CC0-1.0"

    def examples(self):
        for task, number in itertools.product(range(self.params.tasks), range(4)):
            side = "unseen" if task == self.params.tasks - 1 else "seen"
            text = {"prompt": f"{task} + {number} =", "completion": str(task + number)}
            yield Example(id=f"{task}-{number}", task=f"add {task}", side=side, **text)

    def load(self, context):
        return list(self.examples())

    def fingerprint(self):
        return f"sums-{self.params.tasks}"


class Missing(Sound):
    """Has lost its data."""

    def load(self, context):
        raise FileNotFoundError("sums.jsonl")


class WithoutAnswers(Sound):
    """Has questions alone."""

    def examples(self):
        return (replace(example, completion=None) for example in super().examples())


class OneId(Sound):
    """Numbers each task's examples from 0, and forgets the task."""

    def examples(self):
        return (replace(example, id=example.id[-1]) for example in super().examples())


class OtherSides(Sound):
    """Names its sides as others do."""

    def examples(self):
        return (replace(example, side="train") for example in super().examples())


class NumbersAsAnswers(Sound):
    """Has answers that are no texts."""

    def examples(self):
        return (replace(example, completion=int(example.completion)) for example in super().examples())


class RestlessFingerprint(Sound):
    """Is another one each time it is asked."""

    calls = itertools.count()

    def fingerprint(self):
        return f"sums-{next(self.calls)}"


class LoadsForItsFingerprint(Sound):
    """Reads everything to say what it is."""

    def fingerprint(self):
        return f"sums-{len(self.load(None))}"


class Drawn(Sound):
    """Draws from the generator of the whole process."""

    def examples(self):
        return (replace(each, prompt=f"{each.prompt} {np.random.random()}") for each in super().examples())


class InHashOrder(Sound):
    """Comes in the order of a set."""

    def examples(self):
        by_id = {example.id: example for example in super().examples()}
        return (by_id[each] for each in set(by_id))


class AlwaysOnline(Sound):
    """Asks somebody first, network or not."""

    def load(self, context):
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), timeout=0.1).close()
        return super().load(context)


class BlankLicense(Sound):
    """Has a license that says nothing."""

    license = ""
