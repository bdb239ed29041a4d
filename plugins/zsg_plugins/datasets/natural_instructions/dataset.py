"""The data set `natural-instructions`: what it can be told, and its examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Final

from pydantic import Field

from zsg_plugins.datasets.files import LocalPath, data_files, digest
from zsg_plugins.datasets.natural_instructions.encoding import Instructions, encode
from zsg_plugins.datasets.natural_instructions.lengths import Lengths
from zsg_plugins.datasets.natural_instructions.mirror import is_mirror, mirrored_tasks
from zsg_plugins.datasets.natural_instructions.tasks import Instance, Task, Track, list_files, task_files
from zsg_plugins.datasets.published import Published
from zsg_plugins.datasets.split import SplitParams, Unseen
from zsg_registry import DatasetContext, Example, Side, ZsgError

_EVALUATED: Final = 100
"""Of an unseen task, the first instances are those that its authors chose for evaluation, balanced by label."""
_CHECKOUT: Final = "a checkout of https://github.com/allenai/natural-instructions"
_MIRROR_LACKS: Final = f"has the default track and no examples: pass path=… ({_CHECKOUT}), or positive_examples=0"


class NaturalInstructions(Published):
    """Super-NaturalInstructions (NIV2): 1,600 tasks with definitions and examples, split by the authors' tracks.

    Prompts are Tk-Instruct's, to the letter; by default a definition, two positive examples and the input. All
    references are kept; the answer trained on is the first of them. A seen task yields all its instances, an unseen
    one the hundred that its authors chose for evaluation. `excluded_tasks.txt` is in neither.

    Which examples fit into a prompt is a matter of tokens, which a data set does not have. With `tokenizer` examples
    are left out, and texts cut, as in Tk-Instruct; without it prompts have all examples, and the training's
    `max_length` cuts them on the left, where it harms the question least.

    Wang et al., "Super-NaturalInstructions: Generalization via Declarative Instructions on 1600+ NLP Tasks" (2022).
    """

    class Params(Published.Params, SplitParams):
        """Which tasks, and how they are encoded."""

        revision: str = "a29a9757125f4bb1c26445ad0d2ef7d9b2cc9c4c"
        """The commit of the hub's mirror, which has definitions and no examples."""

        track: Track = "default"
        """`default` is English alone: 757 seen and 119 unseen tasks."""

        unseen: Unseen = None
        """By default the tasks of the track's test list. Else tasks of both lists: a list of names, a file of them, or
        the fraction of tasks to draw."""

        task_name: bool = False
        """Begin the prompt with the task's name."""

        definition: bool = True
        """Have the task's definition in the prompt."""

        positive_examples: int = Field(default=2, ge=0)
        """Examples with right answers in the prompt, if the task has as many."""

        negative_examples: int = Field(default=0, ge=0)
        """Examples with wrong answers in the prompt, if the task has as many."""

        explanations: bool = False
        """Explain the examples, where the task does."""

        max_per_task: int | None = Field(default=None, ge=1)
        """Read at most so many instances of each task, its first ones. The matrix's caps draw from what is read."""

        tokenizer: LocalPath | None = None
        """A tokenizer.json whose tokens decide what fits."""

        max_source_length: int = Field(default=1024, ge=1)
        """With a tokenizer: the most tokens of a prompt."""

        max_target_length: int = Field(default=128, ge=1)
        """With a tokenizer: the most tokens of an answer that is trained on or whose loss is scored."""

    license: ClassVar[str | None] = "Apache-2.0"
    citation: ClassVar[str | None] = (
        "Wang et al., Super-NaturalInstructions: Generalization via Declarative Instructions on 1600+ NLP Tasks, "
        "EMNLP 2022"
    )
    hub: ClassVar[str] = "Muennighoff/natural-instructions"
    hub_files: ClassVar[tuple[str, ...]] = ("train/*.jsonl", "test/*.jsonl")
    official: ClassVar[str] = _CHECKOUT
    params: Params

    def unavailable(self) -> str | None:
        """Tells when the hub's mirror cannot give what is asked for, or would have to be downloaded offline."""
        params = self.params
        if params.path is None and (params.positive_examples or params.negative_examples or params.track != "default"):
            return f"the hub's mirror {self.hub} {_MIRROR_LACKS}"
        return super().unavailable()

    def load(self, context: DatasetContext) -> Iterable[Example]:
        """All instances of the track, task by task, the seen tasks first.

        Raises:
            ZsgError: The checkout lacks a file, or one is damaged.
        """
        root = self.root()
        examples = self._of_mirror(root) if is_mirror(root) else self._of_checkout(root)
        if self.params.unseen is None:
            return examples
        return self.params.unseen_split().apply([replace(example, side="seen") for example in examples], str(root))

    def files(self, root: Path) -> list[Path]:
        """The lists of the track's tasks, and the tasks' files."""
        if is_mirror(root):
            return data_files(root)
        tasks = task_files(root, self.params.track)
        return [*list_files(root, self.params.track), *tasks["seen"], *tasks["unseen"]]

    def split_spec(self) -> Any:
        """What is drawn or named in place of the track's lists, which are part of the data; and the tokenizer."""
        tokenizer = self.params.tokenizer
        return [self.params.unseen_split().spec(), None if tokenizer is None else digest(Path(tokenizer))]

    def _of_checkout(self, root: Path) -> Iterator[Example]:
        params = self.params
        for side, files in task_files(root, params.track).items():
            for file in files:
                task = Task(file)
                instructions = Instructions(
                    name=task.name if params.task_name else None,
                    definition=task.definition if params.definition else None,
                    positive=task.demonstrations("Positive", params.positive_examples),
                    negative=task.demonstrations("Negative", params.negative_examples),
                    explanations=params.explanations,
                )
                about = Example("", task.name, task.source, side, instruction=task.definition.strip())
                yield from self._examples(about, instructions, task.instances(self._most(side)))

    def _of_mirror(self, root: Path) -> Iterator[Example]:
        params = self.params
        if params.positive_examples or params.negative_examples or params.track != "default":
            raise ZsgError(f"{root} is the hub's mirror, which {_MIRROR_LACKS}")
        for task in mirrored_tasks(root):
            instructions = Instructions(
                name=task.name if params.task_name else None, definition=task.definition if params.definition else None
            )
            about = Example("", task.name, None, task.side, instruction=task.definition.strip())
            yield from self._examples(about, instructions, task.instances[: self._most(task.side)])

    def _examples(self, about: Example, instructions: Instructions, instances: Iterable[Instance]) -> Iterator[Example]:
        lengths = self._lengths
        for number, instance in enumerate(instances):
            answer = next(iter(instance.outputs), "")
            if lengths is None:
                prompt = encode(instructions, instance.input)
            else:
                prompt = lengths.cut_source(encode(instructions, instance.input, lengths.fits))
                answer = lengths.cut_target(answer)
            yield replace(
                about,
                id=f"{about.task}/{number}",
                prompt=prompt,
                completion=answer,
                references=instance.outputs or None,
            )

    @cached_property
    def _lengths(self) -> Lengths | None:
        params = self.params
        if params.tokenizer is None:
            return None
        return Lengths(Path(params.tokenizer), params.max_source_length, params.max_target_length)

    def _most(self, side: Side) -> int | None:
        most = self.params.max_per_task
        if side == "seen":
            return most
        return _EVALUATED if most is None else min(most, _EVALUATED)
