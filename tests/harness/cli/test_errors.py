"""Wrong input: exit code 2, one line on stderr that says what to mend, and nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

import zsg_harness.runner
from zsg_harness.cli import main

EMPTY = "[matrix]\narrangements = []\n"
TYPO = "[matrix]\nsedes = [1]\n"
WRONG_TYPE = '[training]\nlearning_rate = "fast"\n'
NOT_TOML = "[matrix\n"

WRONG = [
    (["rnu"], "'run'"),
    (["plugins", "lst"], "'list'"),
    (["run", "--stroe", "x"], "'--store'"),
    (["run", "--workers", "0"], "--workers"),
    (["run", "surplus"], "surplus"),
    (["run"], "--matrix [FILE|NAME]"),
    (["run", "--matrix", "quickstrt"], "'quickstart'"),
    (["run", "--matrix", "emty.toml"], "'empty.toml'"),
    (["run", "--matrix", "empty.toml"], "'matrix.arrangements' is empty"),
    (["run", "--matrix", "nothing.toml"], "is empty"),
    (["run", "--matrix", "typo.toml"], "'seeds'"),
    (["run", "--matrix", "wrong-type.toml"], "'training.learning_rate'"),
    (["run", "--matrix", "not-toml.toml"], "is not TOML"),
    (["run", "--matrix", "quickstart", "-a", "tma"], "exclude each other"),
    (["run", "-a", "tmaa"], "'tma'"),
    (["run", "-a", "tma[mod=nearest]"], "'mode'"),
    (["run", "-a", "tma[mode=sideways]"], "'sideways'"),
    (["run", "-a", "tma["], "at character 5"),
    (["run", "-a", "random", "-d", "procedral"], "'procedural'"),
    (["run", "-a", "nft", "-e", "minilmm"], "'minilm'"),
    (["run", "-a", "random", "-m", "./no-such-model"], "./no-such-model"),
    (["run", "-a", "random", "--metric", "los"], "'loss'"),
    (["run", "-a", "random", "--budget", "some"], "'some'"),
    (["run", "-a", "random", "--budget", "0"], "matrix.budgets"),
    (["run", "-a", "random", "--filter", "arangement=x"], "'arrangement'"),
    (["run", "-a", "random", "--filter", "arrangement=x"], "no cell matches"),
    (["run", "-a", "random", "--out", "empty.toml"], "is not a folder"),
    (["plan", "-a", "tmaa"], "'tma'"),
    (["score", "--metric", "los"], "'loss'"),
    (["score", "--metric", "loss"], "not a store"),
    (["score"], "--metric"),
    (["leaderboard"], "not a store"),
    (["show", "abc"], "not a store"),
    (["matrix", "validate", "quickstrt"], "'quickstart'"),
    (["matrix", "init", "new.toml", "--from", "quickstrt"], "'quickstart'"),
    (["completion", "zsg"], "'zsh'"),
]


@pytest.fixture(autouse=True)
def _matrices(tmp_path: Path) -> None:
    texts = {"empty": EMPTY, "typo": TYPO, "wrong-type": WRONG_TYPE, "not-toml": NOT_TOML, "nothing": ""}
    for name, text in texts.items():
        (tmp_path / f"{name}.toml").write_text(text)


@pytest.mark.parametrize(("args", "hint"), WRONG, ids=[" ".join(args) for args, _ in WRONG])
def test_wrong_input_is_one_line(args: list[str], hint: str, zsg: Callable[..., Any], tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    result = zsg(*args)
    assert result.code == 2
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert result.err.startswith("zsg-harness: error: ")
    assert hint in result.err
    assert sorted(tmp_path.iterdir()) == before


def test_a_store_that_cannot_be_written(zsg: Callable[..., Any], mini: Path) -> None:
    result = zsg("run", "--matrix", mini, "--store", mini / "below-a-file")
    assert result.code == 2
    assert result.err.count("\n") == 1
    assert "cannot be written" in result.err


def test_no_arguments_show_the_help(zsg: Callable[..., Any]) -> None:
    result = zsg()
    assert result.code == 2
    assert "Usage:" in result.err


def test_ctrl_c_says_what_is_kept(zsg: Callable[..., Any], mini: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(zsg_harness.runner, "run_matrix", interrupted)
    result = zsg("run", "--matrix", mini, "--store", "kept-here")
    assert result.code == 130
    assert result.err.splitlines()[-1].startswith("zsg-harness: interrupted: ")
    assert "kept-here" in result.err
    assert "same command" in result.err


def test_ctrl_c_elsewhere(zsg: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("zsg_registry.Registry.__init__", interrupted)
    result = zsg("plugins", "list")
    assert (result.code, result.err.strip()) == (130, "zsg-harness: interrupted")


@pytest.mark.parametrize("error", [RuntimeError("a fault of ours"), EOFError()])
def test_a_fault_of_ours_keeps_its_traceback(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object) -> None:
        raise error

    monkeypatch.setattr(click.Group, "invoke", fails)
    with pytest.raises(type(error)):
        main(["plugins", "list"])


ROWS = "\n".join(f'{{"task": "t{i % 4}", "prompt": "p{i}", "completion": "c"}}' for i in range(16))


@pytest.mark.parametrize(
    ("text", "unseen", "complaint"),
    [
        (ROWS + "\n{not json}", '["t0"]', "data.jsonl, line 17"),
        (ROWS + '\n{"task": "t0", "prompt": "p"}', '["t0"]', "data.jsonl, line 17"),
        (ROWS + '\n{"task": "t0", "prompt": 3, "completion": "c"}', '["t0"]', "data.jsonl, line 17"),
        (ROWS, '["t9"]', "'t9'"),
        (ROWS, '["t0", "t1", "t2", "t3"]', "seen"),
        ("", '["t0"]', "empty"),
    ],
)
def test_bad_data_is_found_before_anything_is_written(
    text: str, unseen: str, complaint: str, zsg: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "data.jsonl").write_text(text)
    result = zsg("run", "-a", "random", "-d", f"jsonl[path=data.jsonl,unseen={unseen}]", "--store", "store")
    assert result.code == 2
    (line,) = result.err.splitlines()
    assert complaint in line
    assert not (tmp_path / "store").exists()
