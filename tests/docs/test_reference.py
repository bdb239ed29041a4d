"""The reference, the pictures and the notebook's page are what the code says now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_reference_is_what_the_code_says() -> None:
    """To write it anew: make reference."""
    done = subprocess.run([sys.executable, ROOT / "scripts" / "manual", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
