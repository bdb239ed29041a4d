"""`plugins check`: a report card, whatever the plugins do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ENTRY_POINTS = """
[zsg_harness.arrangements]
crashing = zsg_mixed:Crashing
from-file = zsg_mixed:FromFile
random = zsg_mixed:Good
[zsg_harness.metrics]
old = zsg_mixed:Old
unimportable = zsg_nowhere:Nothing
[zsg_harness.hooks]
chatty = zsg_mixed:Chatty
"""
CODE = '''
import os

from zsg_registry import Arrangement, InputPath, Metric, Parameters, hookimpl


class Good(Arrangement):
    """As the pool comes, or backwards."""

    examples = ("random[backwards=true] | shuffle",)

    class Params(Parameters):
        """Which way."""

        backwards: bool = False
        """From the end."""

    def arrange(self, context):
        print("a plugin may print")
        return range(context.budget)[:: -1 if self.params.backwards else 1]


class Crashing(Good):
    """Ends its process."""

    examples = ()

    def arrange(self, context):
        os._exit(3)


class FromFile(Good):
    """In the order of a file."""

    examples = ()

    class Params(Parameters):
        """Which file."""

        file: InputPath
        """The file."""


class Old(Metric):
    """Of long ago."""

    api_version = 0
    outputs = {"old": "lower"}

    def score(self, batch):
        return None


class Chatty:
    """Says what happens."""

    @hookimpl
    def zsg_cell_started(self, event):
        raise RuntimeError("no\\nmicrophone")
'''


@pytest.fixture
def write_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """`write_distribution(name, entry_points, code)`: a distribution with one module."""

    def write(name: str, entry_points: str, code: str) -> None:
        module = name.replace("-", "_")
        information = tmp_path / "site" / f"{module}-0.3.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.3\n")
        (information / "entry_points.txt").write_text(entry_points)
        (tmp_path / "site" / f"{module}.py").write_text(code)
        monkeypatch.syspath_prepend(str(tmp_path / "site"))

    return write


def test_a_report_on_each_plugin_whatever_the_others_do(zsg: Callable[..., Any], write_distribution: Any) -> None:
    write_distribution("zsg-mixed", ENTRY_POINTS, CODE)
    result = zsg("plugins", "check", "zsg_mixed", "--json")
    assert result.code == 1
    reports = {report["reference"]: report for report in result.json}
    failed = {
        reference: {found["check"]: found["line"] for found in report["findings"] if found["state"] == "failed"}
        for reference, report in reports.items()
    }
    assert list(reports) == [
        "crashing", "from-file", "random", "random[backwards=true] | shuffle", "chatty", "old", "unimportable",
    ]  # fmt: skip
    clash = "zsg-harness has the name 'random' among its arrangements too: choose another, or users must write "
    assert failed["random"] == {"has a name of its own": f"{clash}'zsg-mixed:random'"}
    assert failed["random[backwards=true] | shuffle"] == {}
    assert failed["crashing"] == {
        "uses only what it declares": "it ended its process (exit code 3); what comes behind was not checked"
    }
    assert failed["from-file"] == {
        "can be made": "it needs 'file', and no example says how it is made: examples = ('from-file[file=…]',)"
    }
    assert "API version 0" in failed["old"]["loads"]
    assert "zsg_nowhere" in failed["unimportable"]["loads"]
    assert list(failed["chatty"]) == ["takes every event"]
    assert "RuntimeError: no microphone (zsg_mixed.py:" in failed["chatty"]["takes every event"]
    of = reports["random"]
    assert (of["kind"], of["distribution"], of["version"]) == ("arrangement", "zsg-mixed", "0.3")
    assert "not applicable" in {found["state"] for found in reports["chatty"]["findings"]}


def test_a_good_plugin_passes(zsg: Callable[..., Any], third_party: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(third_party("easy-first")))
    result = zsg("plugins", "check", "zsg-easy-first")
    assert result.code == 0, result.out
    first, *_, last = result.out.splitlines()
    assert first.startswith("arrangement easy-first: ")
    assert last.startswith("zsg-easy-first 1.2.0: ")
    assert "0 failed" in last
    assert "✓  is the same at every call" in result.out


def test_a_distribution_that_is_not_there(zsg: Callable[..., Any]) -> None:
    result = zsg("plugins", "check", "zsg-harnes")
    assert result.code == 2
    assert result.err == "zsg-harness: error: no distribution 'zsg-harnes' is installed (did you mean 'zsg-harness'?)\n"
    assert zsg("plugins", "check", "numpy").code == 2


def test_who_hangs_is_ended_and_the_next_one_is_checked(zsg: Callable[..., Any], write_distribution: Any) -> None:
    code = "import time\nfrom zsg_registry import hookimpl\n"
    for name, seconds in (("Hanging", 3600), ("Quick", 0)):
        code += f'class {name}:\n    """Sleeps."""\n    @hookimpl\n'
        code += f"    def zsg_plan_created(self, event):\n        time.sleep({seconds})\n"
    write_distribution(
        "zsg-sleepy", "[zsg_harness.hooks]\nhanging = zsg_sleepy:Hanging\nquick = zsg_sleepy:Quick\n", code
    )
    result = zsg("plugins", "check", "zsg-sleepy", "--timeout", "5")
    assert result.code == 1
    hanging, _, quick = result.out.partition("hooks quick: ")
    assert "✗  takes every event" in hanging
    assert "it took more than 5 s (see --timeout)" in hanging
    assert "✗" not in quick
