from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zsg_harness.matrix.schema import Matrix


def test_list(zsg: Callable[..., Any]) -> None:
    listed = {entry["name"]: entry for entry in zsg("matrix", "list", "--json").json}
    assert {"everything", "quickstart", "paper/turns", "paper/turns-small"} <= set(listed)
    assert all(entry["summary"] and entry["cost"] for entry in listed.values())
    assert "quickstart" in zsg("matrix", "list").out


def test_a_pattern_names_several(zsg: Callable[..., Any]) -> None:
    both = zsg("plan", "--matrix", "[no]*-[oc]*", "--json").json
    assert [plan["matrix"] for plan in both] == ["negative-control", "order-only"]
    absent = zsg("plan", "--matrix", "papers/*")
    assert absent.code == 2
    assert absent.err.strip().endswith("no bundled matrix is named like 'papers/*' (see 'zsg-harness matrix list')")


def test_init_writes_a_file_that_validates(zsg: Callable[..., Any]) -> None:
    assert zsg("matrix", "init", "mine.toml").out == "mine.toml\n"
    assert tomllib.loads(Path("mine.toml").read_text())["matrix"]["name"] == "mine"
    result = zsg("matrix", "validate", "mine.toml")
    assert (result.code, result.out) == (0, "mine is valid: 18 to run\n")


def test_init_never_overwrites(zsg: Callable[..., Any]) -> None:
    Path("mine.toml").write_text("precious")
    result = zsg("matrix", "init", "mine.toml")
    assert result.code == 2
    assert "left as it is" in result.err
    assert Path("mine.toml").read_text() == "precious"


def test_init_names_a_folder_that_is_not_there(zsg: Callable[..., Any]) -> None:
    result = zsg("matrix", "init", "nowhere/mine.toml", "--json")
    assert result.code == 2
    assert "cannot be written" in result.err


@pytest.mark.parametrize("source", ["quickstart", "everything"])
def test_every_setting_of_the_starter_can_be_used_as_it_stands(source: str, zsg: Callable[..., Any]) -> None:
    assert zsg("matrix", "init", "a b.toml", "--from", source).code == 0
    reference = Path("a b.toml").read_text().partition("# All settings")[2].splitlines()[1:]
    lines = [line.removeprefix("#").removeprefix(" ") for line in reference]
    document = tomllib.loads("\n".join(line for line in lines if "= …" not in line))
    assert Matrix.model_validate(document) == Matrix()


def test_validate_json(zsg: Callable[..., Any]) -> None:
    document = zsg("matrix", "validate", "quickstart", "--json").json
    assert document["valid"] is True
    assert document["totals"] == {"run": 18}
