"""Killed at random and short of disk, a matrix loses nothing: a small dose of `benchmarks/chaos.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHAOS = Path(__file__).parents[2] / "benchmarks" / "chaos.py"


def test_nothing_is_lost() -> None:
    done = subprocess.run(
        [sys.executable, CHAOS, "--where", "local", "--cells", "6", "--kills", "2", "--seed", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing lost" in done.stdout
    assert "0 of them and 0 workers killed" not in done.stdout
