from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.shell_completion import ShellComplete

from zsg_harness.cli.group import cli


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed(shell: str, zsg: Callable[..., Any]) -> None:
    result = zsg("completion", shell)
    assert result.code == 0
    assert "_ZSG_HARNESS_COMPLETE" in result.out


def complete(args: list[str], incomplete: str) -> list[str]:
    completion = ShellComplete(cli, {}, "zsg-harness", "_ZSG_HARNESS_COMPLETE")
    return [item.value for item in completion.get_completions(args, incomplete)]


@pytest.mark.parametrize(
    ("args", "incomplete", "expected"),
    [
        ([], "lea", "leaderboard"),
        (["plugins"], "l", "list"),
        (["run"], "--mat", "--matrix"),
        (["run", "-a"], "t", "tma"),
        (["run", "-d"], "proc", "procedural"),
        (["run", "-e"], "min", "minilm"),
        (["run", "-m"], "zsg", "zsg-tiny"),
        (["plan", "--matrix"], "quick", "quickstart"),
        (["score", "--metric"], "ex", "exact-match"),
    ],
)
def test_names_are_completed(args: list[str], incomplete: str, expected: str) -> None:
    assert expected in complete(args, incomplete)
