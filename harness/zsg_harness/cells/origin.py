"""Which code a run was started from: commits, as git tells them. Asked once, in the parent."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

_PATIENCE: Final = 10.0
"""Seconds: git may have to look at every file of a large project."""

Origin = Mapping[str, Mapping[str, Any]]
"""`project` is the repository of the working directory, `harness` that of zsg-harness itself; each with its `commit`,
and whether it is `dirty`: whether tracked files differ from the commit. What is in no repository is not in it."""


def find_origin() -> Origin:
    """The code of this run."""
    return _origin(Path.cwd())


@cache
def _origin(folder: Path) -> Origin:
    own = Path(__file__).parents[1]
    found = {"project": checkout(folder), "harness": checkout(own) if _is_tracked(own / "__init__.py") else None}
    return {name: checkout for name, checkout in found.items() if checkout is not None}


def checkout(folder: Path) -> Mapping[str, Any] | None:
    """The commit that is checked out around a folder."""
    status = _git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no", "--ignore-submodules=none")
    if status is None:
        return None
    lines = status.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), "(initial)")
    dirty = any(not line.startswith("#") for line in lines)
    return None if commit == "(initial)" else {"commit": commit, "dirty": dirty}


def _is_tracked(file: Path) -> bool:
    """Whether a file belongs to the repository around it: an environment's packages do not."""
    return _git(file.parent, "ls-files", "--error-unmatch", file.name) is not None


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says, or None where there is no git or no repository."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout
