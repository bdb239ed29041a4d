from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zsg_harness.installed.details import details
from zsg_registry import Registry, parse_pipeline

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


def test_the_list_tells_what_plugins_ask_for(zsg: Callable[..., Any]) -> None:
    by_name = {plugin["name"]: plugin for plugin in zsg("plugins", "list", "--load", "--json").json}
    assert by_name["tma"]["access"] == "answers"
    assert by_name["tma"]["needs"] == ["embedder"]
    assert (by_name["random"]["access"], by_name["random"]["needs"], by_name["random"]["stochastic"]) == (
        "none",
        [],
        True,
    )
    assert by_name["head"]["access"] == "none"  # whatever its parameters
    assert by_name["replay"]["access"] is None  # the file says
    assert by_name["random"]["revision"] == 1
    assert by_name["no-robots"]["state"] == "unavailable"
    assert "hf download" in by_name["no-robots"]["reason"]


def test_two_with_one_name_are_told_of(
    zsg: Callable[..., Any], third_party: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("easy-first", "rival-easy-first"):
        monkeypatch.syspath_prepend(str(third_party(name)))
    listed = zsg("plugins", "list", "--load").out
    assert "zsg-rival-easy-first has this name too: write 'zsg-easy-first:easy-first'" in listed
    refused = zsg("plugins", "info", "easy-first")
    assert refused.code == 2
    assert "provided by zsg-easy-first and zsg-rival-easy-first" in refused.err
    told = zsg("plugins", "info", "zsg-easy-first:easy-first[words=true]", "--json").json
    assert (told["distribution"], told["shared_with"]) == ("zsg-easy-first", ["zsg-rival-easy-first"])
    assert told["example"] == 'arrangements = ["random", "zsg-easy-first:easy-first"]'


def test_info_tells_all_of_a_component(zsg: Callable[..., Any]) -> None:
    told = zsg("plugins", "info", "tma[mode=random]", "--json").json
    assert told["stochastic"]  # with this mode
    mode = next(each for each in told["parameters"] if each["name"] == "mode")
    assert mode["default"] == '"nearest"'
    assert mode["type"].startswith('"nearest" or "farthest" or ')
    assert told["license"] == "Apache-2.0"
    assert told["source"]["file"].endswith("tma.py")
    assert (
        "class TestCentricMultiTurn"
        in Path(told["source"]["file"]).read_text().splitlines()[told["source"]["line"] - 1]
    )

    shown = zsg("plugins", "info", "no-robots").out
    for part in ("CC-BY-NC-4.0", "Rajani et al.", "number > 0, < 1", "hf download", 'datasets = ["no-robots"]'):
        assert part in shown


def test_info_of_hooks(
    zsg: Callable[..., Any], third_party: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(third_party("event-log")))
    told = zsg("plugins", "info", "event-log", "--json").json
    assert told["kind"] == "hooks"
    assert [(each["name"], each["default"]) for each in told["parameters"]] == [
        ("path", '"events.txt"'),
        ("delay", "0.0"),
    ]
    assert "zsg_cell_finished" in told["hooks"]
    assert "zsg_cell_skipped" not in told["hooks"]
    assert tomllib.loads(told["example"]) == {"hooks": {"event-log": {"path": "events.txt", "delay": 0.0}}}
    refused = zsg("plugins", "info", "event-log[delay=1]")
    assert refused.code == 2
    assert "[hooks.event-log]" in refused.err


def test_info_of_a_broken_plugin_is_its_traceback(zsg: Callable[..., Any], faulty: Path) -> None:
    result = zsg("plugins", "info", "faulty")
    assert result.code == 0
    assert "RuntimeError: no such luck" in result.out
    assert "Traceback" in result.out
    assert "\x1b" not in result.out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["tmaa"], "no plugin 'tmaa' is installed (did you mean 'tma'"),
        (["tma", "--kind", "metrik"], "did you mean 'metric'?"),
        (["tma", "--kind", "metric"], "unknown metric 'tma'"),
        (["tma[modes=1]"], "did you mean 'mode'?"),
        (["tma["], "tma["),
    ],
)
def test_info_of_what_is_not_there(zsg: Callable[..., Any], arguments: list[str], reason: str) -> None:
    result = zsg("plugins", "info", *arguments)
    assert result.code == 2
    assert reason in result.err
    assert len(result.err.splitlines()) == 1


def test_every_plugin_can_be_told_of_and_its_example_is_right() -> None:
    registry = Registry()
    for entry in registry.entries:
        told = details(registry, f"{entry.distribution}:{entry.name}", entry.kind)
        assert told.description
        assert all(each.description for each in told.parameters)
        ((_, examples),) = tomllib.loads(told.example).items()
        assert entry.name in examples[-1]
        for text in examples:
            parse_pipeline(text.replace("…", "x"))
