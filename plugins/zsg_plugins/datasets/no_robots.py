"""The data set `no-robots`."""

from __future__ import annotations

from typing import ClassVar

from zsg_plugins.datasets.dialogues import Dialogues


class NoRobots(Dialogues):
    """No Robots: 9,500 instructions and dialogues, all written by people. No tasks: held-out examples.

    Rajani et al., "No Robots" (2023), https://huggingface.co/datasets/HuggingFaceH4/no_robots.
    """

    class Params(Dialogues.Params):
        """Where the dialogues are, and how many are held out."""

        revision: str = "be61e8ea75c15a3c8c765cf18221c388a8927151"
        """The hub's commit: of its own Parquet conversion, in January 2024."""

    license: ClassVar[str | None] = "CC-BY-NC-4.0"
    citation: ClassVar[str | None] = "Rajani et al., No Robots, Hugging Face, 2023"
    hub: ClassVar[str] = "HuggingFaceH4/no_robots"
    hub_files: ClassVar[tuple[str, ...]] = ("default/train_sft/*.parquet",)
    official: ClassVar[str] = "its Parquet or JSON lines files, with `messages`"
    params: Params
