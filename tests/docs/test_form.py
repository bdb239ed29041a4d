"""What of the README and the manual is not run is bounded, has its reason, and is at least well formed."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import click
import pytest
import yaml
from snippets import Block, blocks, commands, parse
from snippets.sandbox import matches

from zsg_harness.matrix.schema import Matrix

ROOT = Path(__file__).parents[2]
BLOCKS = [block for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) for block in blocks(page)]
LANGUAGES = {"bash", "console", "dockerfile", "html", "json", "python", "text", "toml", "yaml"}
MOST_NOT_RUN = 0.35
"""The share of commands that may not be run."""


def of(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def test_every_block_has_a_language_that_is_looked_at() -> None:
    assert {block.language for block in BLOCKS} <= LANGUAGES


def test_what_is_not_run_has_a_reason_and_is_not_much() -> None:
    shown = [(block, command) for block in of("console") for command in commands(block)]
    not_run = [f"{block.place}: {command.text}" for block, command in shown if block.reason(command.text) is not None]
    assert all(why for block in BLOCKS for why in block.not_run.values())
    assert all(
        any(part in command.text for command in commands(block)) for block in of("console") for part in block.not_run
    )
    assert len(not_run) <= MOST_NOT_RUN * len(shown), "\n".join(not_run)


@pytest.mark.parametrize("block", [*of("console"), *of("bash"), *of("yaml")], ids=lambda block: block.place)
def test_every_command_would_be_understood(block: Block) -> None:
    for command in commands(block):
        for arguments in command.harness:
            try:
                parse(arguments)
            except click.UsageError as error:
                pytest.fail(f"{block.place}: $ {command.text}\n{error.format_message()}")


@pytest.mark.parametrize(
    "line",
    ["run --matrx x.toml", "plan --matrix x.toml --order sideways", "runn", "store", "arrange pool.jsonl", "show a b"],
)
def test_a_mistyped_command_would_not(line: str) -> None:
    with pytest.raises(click.UsageError):
        parse(line.split())


def test_make_has_the_targets_that_are_named() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {command.words[1] for block in of("console") for command in commands(block) if command.words[0] == "make"}
    assert named
    assert named <= targets


@pytest.mark.parametrize("block", of("toml"), ids=lambda block: block.place)
def test_a_matrix_is_one(block: Block) -> None:
    document = tomllib.loads(block.text.replace("…", '"…"'))
    if "project" not in document:
        Matrix.model_validate(document)


@pytest.mark.parametrize("block", of("bash"), ids=lambda block: block.place)
def test_a_script_is_one(block: Block) -> None:
    subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)


def test_documents_can_be_read() -> None:
    for block in of("yaml"):
        assert yaml.safe_load(block.text)
    for block in of("json"):
        for line in block.text.splitlines() if block.file and block.file.endswith(".jsonl") else [block.text]:
            json.loads(line)


def test_what_is_shown_must_be_printed() -> None:
    assert matches(["one  two", "…", "took … s"], "one two\nthree\n\ntook 1.5 s\n")
    assert not matches(["one"], "one\ntwo\n")
    assert not matches(["took … s"], "took 1.5 min\n")
