"""Discovery, with distributions that are really installed, each test in an interpreter of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from zsg_registry import BrokenPlugin, PluginEntry, Registry, ZsgError, parse_reference

ThirdParty = Callable[[str], Path]
PREAMBLE = """
import json, sys
from zsg_registry import BrokenPlugin, Registry, ZsgError, parse_reference
registry = Registry()
def error_of(call):
    try:
        call()
    except ZsgError as error:
        return str(error)
"""


def python(code: str, *folders: Path, **environment: str) -> Any:
    """Run code that prints JSON, with the folders on the path; return what it printed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ZSG_")}
    env |= {"PYTHONPATH": os.pathsep.join(map(str, folders)), **environment}
    done = subprocess.run([sys.executable, "-c", PREAMBLE + code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


LIST = "print(json.dumps([[e.name, e.distribution, e.version] for e in registry.entries if e.kind == 'arrangement']))"


def test_plugins_are_listed_without_running_their_code(third_party: ThirdParty, tmp_path: Path) -> None:
    marker = tmp_path / "imported"
    folders = third_party("easy-first"), third_party("broken-import")
    listed = python(LIST, *folders, ZSG_EASY_FIRST_MARKER=str(marker))
    assert ["easy-first", "zsg-easy-first", "1.2.0"] in listed
    assert ["broken-import", "zsg-broken-import", "0.3"] in listed
    assert ["tma", "zsg-harness", listed[-1][2]] in listed  # its own plugins are found in the same way
    assert not marker.exists()
    python("registry.component('arrangement', parse_reference('easy-first')); print('0')", *folders,
           ZSG_EASY_FIRST_MARKER=str(marker))  # fmt: skip
    assert marker.exists()


def test_a_third_party_arrangement_loads_and_arranges(third_party: ThirdParty) -> None:
    code = """
from zsg_registry import bind
from zsg_registry.testing import NaiveContext, example_set
reference = parse_reference('easy-first[words=true]')
easy = bind(registry.component('arrangement', reference), reference)
pool = example_set(['t'] * 3, prompts=['a b c', 'abcdefghij', 'a b'])
order = easy.arrange(NaiveContext.of(easy, pool, budget=2))
print(json.dumps([easy.summary(), order.indices.tolist()]))
"""
    assert python(code, third_party("easy-first")) == ["Short prompts first.", [1, 2]]


def test_a_broken_plugin_is_reported_with_its_reason_and_harms_nothing(third_party: ThirdParty) -> None:
    code = """
broken = registry.load(registry.entry('arrangement', parse_reference('broken-import')))
assert isinstance(broken, BrokenPlugin)
others = [registry.load(e) for e in registry.entries if e.name != 'broken-import']
print(json.dumps({
    'reason': broken.reason,
    'distribution': broken.distribution,
    'traceback': broken.traceback,
    'asked for': error_of(lambda: registry.component('arrangement', parse_reference('broken-import'))),
    'others broken': [plugin.name for plugin in others if isinstance(plugin, BrokenPlugin)
                      and plugin.distribution != 'zsg-harness'],
}))
"""
    told = python(code, third_party("broken-import"), third_party("easy-first"))
    reason = "ImportError: this plugin needs 'a-package-nobody-has'"
    assert told["reason"] == reason
    assert told["distribution"] == "zsg-broken-import"
    assert "zsg_broken_import" in told["traceback"]
    assert told["asked for"] == f"arrangement 'broken-import' of zsg-broken-import 0.3 is broken: {reason}"
    assert told["others broken"] == []


def test_strict_raises_the_plugins_own_error(third_party: ThirdParty) -> None:
    code = """
try:
    registry.component('arrangement', parse_reference('broken-import'))
except ImportError as error:
    print(json.dumps(str(error)))
"""
    told = python(code, third_party("broken-import"), ZSG_STRICT="1")
    assert told == "this plugin needs 'a-package-nobody-has'"


def test_two_distributions_with_one_name_are_told_apart_by_the_distribution(third_party: ThirdParty) -> None:
    code = """
owner = lambda text: registry.component('arrangement', parse_reference(text)).__module__
print(json.dumps({
    'clash': error_of(lambda: owner('easy-first')),
    'first': owner('zsg-easy-first:easy-first'),
    'rival': owner('zsg_Rival.easy-first:easy-first'),
    'neither': error_of(lambda: owner('zsg-harness:easy-first')),
}))
"""
    told = python(code, third_party("easy-first"), third_party("rival-easy-first"))
    assert told["clash"] == (
        "arrangement 'easy-first' is provided by zsg-easy-first and zsg-rival-easy-first: "
        "write 'zsg-easy-first:easy-first' to say which"
    )
    assert told["first"] == "zsg_easy_first"
    assert told["rival"] == "zsg_rival_easy_first"  # distribution names compare as the packaging rules say
    assert told["neither"].startswith("unknown arrangement 'zsg-harness:easy-first'")


def test_the_allow_list_limits_which_distributions_are_there(third_party: ThirdParty) -> None:
    folders = third_party("easy-first"), third_party("rival-easy-first"), third_party("broken-import")

    def owners(allowed: str) -> set[str]:
        return {distribution for _, distribution, _ in python(LIST, *folders, ZSG_PLUGINS=allowed)}

    assert owners("Zsg_Easy.First, zsg-broken-import") == {"zsg-harness", "zsg-easy-first", "zsg-broken-import"}
    assert owners("") == {"zsg-harness"}


def test_an_unknown_name_brings_the_nearest_ones(third_party: ThirdParty) -> None:
    code = "print(json.dumps(error_of(lambda: registry.entry('arrangement', parse_reference('easy-frist')))))"
    told = python(code, third_party("easy-first"))
    assert told == "unknown arrangement 'easy-frist' (did you mean 'easy-first'?)"


def test_of_two_installations_of_a_distribution_the_first_on_the_path_counts(
    third_party: ThirdParty, tmp_path: Path
) -> None:
    older = tmp_path / "zsg_easy_first-0.9.dist-info"
    older.mkdir()
    (older / "METADATA").write_text("Metadata-Version: 2.1\nName: ZSG_easy_first\nVersion: 0.9\n")
    (older / "entry_points.txt").write_text("[zsg_harness.arrangements]\neasy-first = gone:Gone\nold = gone:Old\n")
    installed = third_party("easy-first")
    found = [row for row in python(LIST, installed, tmp_path) if "harness" not in row[1]]
    assert found == [["easy-first", "zsg-easy-first", "1.2.0"]]
    found = [row for row in python(LIST, tmp_path, installed) if "harness" not in row[1]]
    assert found == [["easy-first", "ZSG_easy_first", "0.9"], ["old", "ZSG_easy_first", "0.9"]]


def test_the_remains_of_a_broken_installation_harm_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nameless-1.0.dist-info").mkdir()
    (tmp_path / "nameless-1.0.dist-info" / "entry_points.txt").write_text("[zsg_harness.arrangements]\na = b:c\n")
    unreadable = tmp_path / "unreadable-1.0.dist-info"
    unreadable.mkdir()
    (unreadable / "METADATA").write_text("Metadata-Version: 2.1\nName: unreadable\nVersion: 1.0\n")
    (unreadable / "entry_points.txt").write_text("[zsg_harness.arrangements]\nno equals sign\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {entry.distribution for entry in Registry().entries} == {"zsg-harness"}


def test_neither_the_registry_nor_a_listing_nor_the_arrangements_import_anything_heavy() -> None:
    code = """
heavy = {'torch', 'transformers', 'pandas', 'pyarrow', 'sklearn', 'scipy', 'sentence_transformers'}
stages = {'import': sorted(heavy & set(sys.modules))}
registry.entries
stages['list'] = sorted(heavy & set(sys.modules))
for entry in registry.entries:
    if entry.kind in ('arrangement', 'transform'):
        registry.component(entry.kind, parse_reference(entry.name))
stages['load'] = sorted(heavy & set(sys.modules))
print(json.dumps(stages))
"""
    assert python(code) == {"import": [], "list": [], "load": []}


BROKEN = {
    "NotAClass": "<function NotAClass",
    "NotAComponent": "NotAComponent does not subclass Arrangement or OnlineArrangement",
    "Abstract": "Abstract does not implement arrange",
    "OldVersion": "it was written for API version 0; this is version 1: upgrade dist",
    "NoDocstring": "NoDocstring has no docstring: its first line is the summary",
    "LooseParams": "LooseParams.Params does not subclass Parameters",
    "Missing": "AttributeError: module 'broken_plugins' has no attribute 'Missing'",
}
MODULE = '''
from pydantic import BaseModel
from zsg_registry import Arrangement
def NotAClass(): ...
class NotAComponent:
    """A class."""
class Abstract(Arrangement):
    """Forgot arrange."""
class OldVersion(Arrangement):
    """Too old."""
    api_version = 0
    def arrange(self, context): return []
class NoDocstring(Arrangement):
    def arrange(self, context): return []
class LooseParams(Arrangement):
    """Params that take anything."""
    class Params(BaseModel): ...
    def arrange(self, context): return []
'''


@pytest.fixture
def broken_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_plugins.py").write_text(MODULE)
    (tmp_path / "exits.py").write_text("raise SystemExit(3)")
    (tmp_path / "interrupted.py").write_text("raise KeyboardInterrupt")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("ZSG_STRICT", raising=False)


def entry_of(value: str, name: str = "x") -> PluginEntry:
    return PluginEntry("arrangement", name, "dist", "1", EntryPoint(name, value, "zsg_harness.arrangements"))


@pytest.mark.parametrize("attribute", BROKEN)
@pytest.mark.usefixtures("broken_plugins")
def test_each_way_to_break_the_contract_has_its_reason(attribute: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = entry_of(f"broken_plugins:{attribute}")
    registry = Registry()
    loaded = registry.load(entry)
    assert isinstance(loaded, BrokenPlugin)
    assert loaded.reason.startswith(BROKEN[attribute])
    assert "\n" not in loaded.reason
    assert registry.load(entry) is loaded  # kept: a broken plugin is not imported again and again
    monkeypatch.setenv("ZSG_STRICT", "1")
    with pytest.raises((ZsgError, AttributeError)):
        Registry().load(entry)


@pytest.mark.usefixtures("broken_plugins")
def test_a_plugin_that_exits_is_broken_and_ctrl_c_stays_the_users() -> None:
    loaded = Registry().load(entry_of("exits:X"))
    assert isinstance(loaded, BrokenPlugin)
    assert loaded.reason == "SystemExit: 3"
    with pytest.raises(KeyboardInterrupt):
        Registry().load(entry_of("interrupted:X"))


@pytest.mark.usefixtures("broken_plugins")
def test_a_name_that_no_reference_can_spell_is_broken() -> None:
    loaded = Registry().load(entry_of("broken_plugins:Abstract", name="no spaces"))
    assert isinstance(loaded, BrokenPlugin)
    assert "its name is not of letters" in loaded.reason


def test_a_reference_to_another_kind_is_unknown() -> None:
    with pytest.raises(ZsgError, match="unknown transform 'tma'"):
        Registry().entry("transform", parse_reference("tma"))
