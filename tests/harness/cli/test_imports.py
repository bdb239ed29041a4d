"""What a command imports decides how long its user waits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TRAINING = {"torch", "transformers", "pandas", "sklearn", "sentence_transformers", "datasets", "scipy"}
HELP = TRAINING | {"pyarrow", "numpy", "pydantic", "rich", "zsg_registry", "plotly"}

REPORT = """
import sys
from zsg_harness.cli import main
code = main(sys.argv[2:])
assert code == 0, code
loaded = sorted(set(sys.argv[1].split(",")) & set(sys.modules))
assert not loaded, loaded
"""


def assert_not_imported(modules: set[str], *args: str, folder: Path | None = None) -> str:
    command = [sys.executable, "-c", REPORT, ",".join(modules), *args]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["run", "--help"],
        ["plugins", "--help"],
        ["arrange", "--help"],
        ["diff", "--help"],
        ["explain", "--help"],
        ["store", "merge", "--help"],
        ["completion", "zsh"],
    ],
)
def test_help_imports_next_to_nothing(args: list[str]) -> None:
    assert_not_imported(HELP, *args)


def test_plugins_list_imports_no_torch_and_no_plugin() -> None:
    out = assert_not_imported(TRAINING | {"pyarrow", "zsg_plugins"}, "plugins", "list")
    assert "tma" in out


@pytest.mark.parametrize(
    "args", [["list", "--load"], ["info", "minilm"], ["new", "embedder", "letters"]], ids=lambda args: args[0]
)
def test_plugins_are_told_of_and_begun_without_what_they_compute_with(args: list[str], tmp_path: Path) -> None:
    assert_not_imported(TRAINING | {"pyarrow"}, "plugins", *args, folder=tmp_path)


def test_a_plan_of_published_data_reads_none_of_it(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text("[]")
    data = [
        argument for name in ("hf", "p3", "flan-mini", "sharegpt") for argument in ("-d", f"{name}[path=data.json]")
    ]
    assert_not_imported(TRAINING | {"pyarrow"}, "plan", "-a", "random", *data, "--store", "s", folder=tmp_path)


def test_a_plan_of_a_thousand_cells_imports_no_torch(tmp_path: Path) -> None:
    matrix = tmp_path / "thousand.toml"
    seeds = ", ".join(map(str, range(500)))
    matrix.write_text(
        f'[matrix]\nembedders = ["minilm"]\narrangements = ["random", "nft"]\nseeds = [{seeds}]\n'
        "[data]\nper_seen_task = 4\n"
    )
    out = assert_not_imported(TRAINING | {"pyarrow"}, "plan", "--matrix", str(matrix), "--store", str(tmp_path / "s"))
    assert sum(line.startswith("run ") for line in out.splitlines()) == 1000
    assert not (tmp_path / "s").exists()


def test_an_order_that_needs_no_vectors_imports_no_torch(tmp_path: Path) -> None:
    pool, out, cache = tmp_path / "pool.jsonl", tmp_path / "out.jsonl", tmp_path / "cache"
    pool.write_text('{"prompt": "p", "completion": "c"}\n' * 9)
    command = ["arrange", pool, "-a", "random | reverse", "--out", out, "--cache", cache]
    assert_not_imported({"torch", "transformers", "datasets", "sklearn", "scipy"}, *map(str, command))
    assert len(out.read_text().splitlines()) == 9
