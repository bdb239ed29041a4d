from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

METADATA = "Metadata-Version: 2.1\nName: zsg-faulty\nVersion: 1.2\n"
ENTRY_POINTS = "[zsg_harness.arrangements]\nfaulty = zsg_faulty:Faulty\n"
CODE = """
import pathlib
pathlib.Path(__file__).with_name("imported").touch()
raise RuntimeError("no such\\nluck \\x1b[31m")
"""


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed plugin that raises on import; returns the file that it leaves when it is imported."""
    information = tmp_path / "site" / "zsg_faulty-1.2.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(METADATA)
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "site" / "zsg_faulty.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path / "site" / "imported"


def test_the_list_runs_no_plugin_code(zsg: Callable[..., Any], faulty: Path) -> None:
    result = zsg("plugins", "list")
    assert result.code == 0
    assert ["arrangement", "faulty", "zsg-faulty", "1.2"] in [line.split() for line in result.out.splitlines()]
    assert not faulty.exists()


def test_loading_shows_summaries_and_reasons(zsg: Callable[..., Any], faulty: Path) -> None:
    result = zsg("plugins", "list", "--load", "--json")
    by_name = {plugin["name"]: plugin for plugin in result.json}
    assert by_name["faulty"]["state"] == "broken"
    assert "no such luck" in by_name["faulty"]["reason"]
    assert "Traceback" in by_name["faulty"]["traceback"]
    assert by_name["random"]["state"] == "ok"
    assert by_name["random"]["summary"]
    assert faulty.exists()


def test_a_plugin_s_message_cannot_steer_the_terminal(zsg: Callable[..., Any], faulty: Path) -> None:
    result = zsg("plugins", "list", "--load")
    assert result.code == 0
    assert "no such luck" in result.out
    assert "\x1b" not in result.out


def test_the_doctor_names_broken_plugins(zsg: Callable[..., Any], faulty: Path) -> None:
    result = zsg("doctor", "--json")
    assert result.code == 0
    details = [finding["detail"] for finding in result.json if finding["what"] == "plugin"]
    assert len(details) == 1
    assert "'faulty' of zsg-faulty 1.2 is broken: RuntimeError: no such luck" in details[0]
