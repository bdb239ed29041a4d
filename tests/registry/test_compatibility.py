"""Versions of the contract: what is loaded, what is warned of, and what is broken with a way out."""

from __future__ import annotations

import sys
import warnings
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from zsg_registry import BrokenPlugin, PluginEntry, Registry, ZsgDeprecationWarning, compatibility, warn_deprecated

MODULE = '''
from zsg_registry import Arrangement
class Silent(Arrangement):
    """Does not say what it was written for."""
    def arrange(self, context): return []
class First(Silent):
    """Was written for the first version."""
    api_version = 1
class Second(Silent):
    """Was written for the second version."""
    api_version = 2
class Early(Silent):
    """Was written for a draft."""
    api_version = 0
class Odd(Silent):
    """Says it as no number."""
    api_version = "1.0"
class Hooks:
    """Hooks, which have no base class."""
    api_version = 2
'''


@pytest.fixture(autouse=True)
def _versioned_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "versioned_plugins.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "versioned_plugins", raising=False)
    monkeypatch.setattr(compatibility, "_told", set())


def load(name: str, kind: str = "arrangement") -> type[object] | BrokenPlugin:
    point = EntryPoint("x", f"versioned_plugins:{name}", "zsg_harness.x")
    return Registry().load(PluginEntry(kind, "x", "zsg-x", "1.2", point))


def reason(loaded: type[object] | BrokenPlugin) -> str:
    assert isinstance(loaded, BrokenPlugin)
    return loaded.reason


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract has gone on to version 2, and version 1 is still supported."""
    monkeypatch.setattr(compatibility, "API_VERSION", 2)
    first = compatibility.Superseded(since="0.4", until="0.6", instead="return an Order from arrange")
    monkeypatch.setattr(compatibility, "SUPERSEDED", {1: first})


@pytest.mark.parametrize("name", ["Silent", "First"])
def test_plugins_of_this_version_load_without_a_word(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(load(name), type)


def test_a_version_that_is_not_supported_is_broken_and_says_what_to_do() -> None:
    assert reason(load("Early")) == (
        "it was written for API version 0; this is version 1: upgrade zsg-x, or install a zsg-harness of its time"
    )
    assert reason(load("Second")) == "it was written for API version 2; this is version 1: upgrade zsg-harness"
    assert reason(load("Hooks", "hooks")) == reason(load("Second"))
    assert reason(load("Odd")) == "its api_version is '1.0', not a whole number such as 1"


@pytest.mark.parametrize("name", ["Silent", "First"])
@pytest.mark.usefixtures("second")
def test_a_version_that_is_superseded_loads_with_one_warning(name: str) -> None:
    with pytest.warns(ZsgDeprecationWarning) as caught:
        loaded = [load(name) for _ in range(2)]
    assert all(isinstance(each, type) for each in loaded)
    (told,) = caught
    assert str(told.message) == (
        f"API version 1, which arrangement {name} of zsg-x was written for, is deprecated since zsg-harness 0.4 "
        "and will be gone in 0.6: upgrade zsg-x; its authors: return an Order from arrange"
    )


@pytest.mark.usefixtures("second")
def test_the_new_version_loads_without_a_word_and_what_is_older_still_does_not() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(load("Second"), type)
    assert "this is version 2" in reason(load("Early"))


def test_a_deprecated_name_warns_once_where_it_is_used_and_names_its_replacement() -> None:
    module = ModuleType("renamed")

    def missing(name: str) -> object:  # the `__getattr__` of a module in which `old` became `new`
        if name != "old":
            raise AttributeError(name)
        warn_deprecated("renamed.old", since="0.2", until="0.4", instead="use renamed.new")
        return 42

    module.__getattr__ = missing  # type: ignore[method-assign]
    with pytest.warns(ZsgDeprecationWarning) as caught:
        assert [module.old for _ in range(3)] == [42, 42, 42]
    (told,) = caught
    assert told.filename == __file__
    expected = "renamed.old is deprecated since zsg-harness 0.2 and will be gone in 0.4: use renamed.new"
    assert str(told.message) == expected


def test_a_deprecation_is_shown_to_who_runs_a_plugin() -> None:
    assert issubclass(ZsgDeprecationWarning, FutureWarning)  # DeprecationWarning is hidden by default
