"""Where a page's blocks are run: a folder of its own, in this process as far as possible."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from importlib import invalidate_caches
from pathlib import Path
from typing import Any

import pytest

from snippets.blocks import Block
from snippets.commands import Command, commands
from snippets.prepared import prepare
from zsg_harness.cli import main

_CELL = re.compile(r"[0-9a-f]{8}")
_SHORT = {("run",): ("--limit", "1"), ("leaderboard", "verify"): ("--sample", "1")}
"""What of a matrix or a store is enough to see that a command works."""
_LONG_ENOUGH = 240


class Sandbox:
    """A reader's folder.

    Args:
        folder: Where the page's files are.
        site: Where what the page installs goes.
        monkeypatch: Undoes changes of the folder, the environment and the path of modules.
    """

    def __init__(self, folder: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._site, self._monkeypatch = site, monkeypatch
        self._names: dict[str, Any] = {"__name__": "page"}
        monkeypatch.chdir(folder)

    def do(self, block: Block) -> None:
        """Write a file, run commands or code, or pass over what is not to be run."""
        for name in block.prepared:
            prepare(name)
        if block.file is not None:
            path = Path(block.file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
        elif block.language == "console":
            *first, last = commands(block)
            for command in first:
                self._run(command, block, 0)
            self._run(last, block, block.exits)
        elif block.language == "python" and block.reason("") is None:
            exec(compile(f"{block.before}\n{block.text}", block.place, "exec"), self._names)

    def _run(self, command: Command, block: Block, expected: int) -> None:
        if block.reason(command.text) is not None:
            return
        for name, value in command.environment.items():
            self._monkeypatch.setenv(name, value)
        code, printed = self._called(command, block.whole)
        place = f"{block.place}: $ {command.text}"
        assert code == expected, f"{place}\nended with {code}:\n{printed}"
        if command.shown:
            assert matches(list(command.shown), printed), f"{place}\nprinted:\n{printed}\nand not what is shown"

    def _called(self, command: Command, whole: bool) -> tuple[int, str]:
        """The exit code, and what was printed."""
        words = command.words
        if words[0] == "cd":
            self._monkeypatch.chdir(words[1])
            return 0, ""
        if words[:2] == ("pip", "install"):
            return self._install(words[2:])
        if words[0] == "zsg-harness" and command.is_plain:
            return self._harness(self._arguments(list(words[1:]), whole))
        return _process(["bash", "-c", command.text])

    def _arguments(self, words: list[str], whole: bool) -> list[str]:
        """The arguments, for a matrix made short, and with a cell that there is."""
        for command, short in _SHORT.items():
            if tuple(words[: len(command)]) == command:
                words += ["--in-process", *(() if whole else short)]
        store = words[words.index("--store") + 1] if "--store" in words else "runs"
        return [_cell_of(Path(store)) if _CELL.fullmatch(word) else word for word in words]

    def _harness(self, words: list[str]) -> tuple[int, str]:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = main(words)
        return code, printed.getvalue()

    def _install(self, what: tuple[str, ...]) -> tuple[int, str]:
        """Really install a folder, without asking the network, where only this page finds it."""
        offline = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
        folders = [word for word in what if not word.startswith("-")]
        done = _process([sys.executable, "-m", "pip", "install", *offline, "--target", str(self._site), *folders])
        self._monkeypatch.syspath_prepend(str(self._site))
        paths = [str(self._site), os.environ.get("PYTHONPATH", "")]
        self._monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        invalidate_caches()
        return done


def _process(command: list[str]) -> tuple[int, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_LONG_ENOUGH,
        env=os.environ | {"PATH": path},
    )
    return done.returncode, done.stdout


def _cell_of(store: Path) -> str:
    """The first finished cell."""
    done = sorted(store.glob("cells/*/done.json"))
    assert done, f"{store} has no finished cell"
    return done[0].parent.name[:8]


def matches(shown: list[str], printed: str) -> bool:
    """Whether a text is what is shown, but for spaces, and what `…` stands for."""
    patterns = [r"(?:.*\n)*?" if line.strip() == "…" else _pattern(line) + r"\s*\n" for line in shown if line.strip()]
    text = "".join(f"{line.strip()}\n" for line in printed.splitlines() if line.strip())
    return re.fullmatch("".join(patterns), text) is not None


def _pattern(line: str) -> str:
    parts = [r"\s+".join(map(re.escape, part.split(" "))) for part in re.sub(r"\s+", " ", line.strip()).split("…")]
    return ".*".join(parts)


def link_store(folder: Path, store: Path) -> None:
    """Make `runs` in a folder the store that all pages share."""
    shutil.rmtree(folder / "runs", ignore_errors=True)
    (folder / "runs").symlink_to(store, target_is_directory=True)
