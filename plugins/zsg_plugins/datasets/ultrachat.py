"""The data set `ultrachat`."""

from __future__ import annotations

from typing import ClassVar

from zsg_plugins.datasets.dialogues import Dialogues


class UltraChat(Dialogues):
    """UltraChat 200k: generated dialogues of several turns. No tasks: held-out examples.

    `path` may also be UltraChat's original JSON lines, whose `data` is a list of turns.

    Ding et al., "Enhancing Chat Language Models by Scaling High-quality Instructional Conversations" (2023); filtered
    for Tunstall et al., "Zephyr: Direct Distillation of LM Alignment" (2023).
    """

    class Params(Dialogues.Params):
        """Where the dialogues are, and how many are held out."""

        revision: str = "8049631c405ae6576f93f445c6b8166f76f5505a"
        """The hub's commit."""

    license: ClassVar[str | None] = "MIT"
    citation: ClassVar[str | None] = (
        "Ding et al., Enhancing Chat Language Models by Scaling High-quality Instructional Conversations, EMNLP 2023"
    )
    hub: ClassVar[str] = "HuggingFaceH4/ultrachat_200k"
    hub_files: ClassVar[tuple[str, ...]] = ("data/train_sft-*.parquet",)
    official: ClassVar[str] = "its Parquet or JSON lines files, with `messages` or `data`"
    params: Params
