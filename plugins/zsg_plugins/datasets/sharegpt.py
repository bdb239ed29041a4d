"""The data set `sharegpt`."""

from __future__ import annotations

from typing import ClassVar

from zsg_plugins.datasets.dialogues import Dialogues


class ShareGpt(Dialogues):
    """ShareGPT as OpenChat cleaned it: dialogues of users with GPT-4. No tasks: held-out examples.

    Wang et al., "OpenChat: Advancing Open-source Language Models with Mixed-Quality Data" (2023).
    """

    class Params(Dialogues.Params):
        """Where the dialogues are, and how many are held out."""

        revision: str = "ef43fd2adc007847dba74001094a8d68170b457f"
        """The hub's commit."""

    license: ClassVar[str | None] = "not stated"
    citation: ClassVar[str | None] = (
        "Wang et al., OpenChat: Advancing Open-source Language Models with Mixed-Quality Data, 2023"
    )
    hub: ClassVar[str] = "openchat/openchat_sharegpt4_dataset"
    hub_files: ClassVar[tuple[str, ...]] = ("sharegpt_gpt4.json",)
    official: ClassVar[str] = "a JSON list such as sharegpt_gpt4.json, with `items` or `conversations`"
    params: Params
