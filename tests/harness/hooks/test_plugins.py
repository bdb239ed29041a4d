"""Settings of hook plugins, which are really installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zsg_harness.hooks.plugins import hook_plugins, plugins_with_columns
from zsg_harness.store.store import Store
from zsg_registry import Registry, ZsgError


@pytest.fixture
def registry(third_party: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.syspath_prepend(str(third_party("extra-columns")))
    return Registry()


def test_settings_come_from_the_plugins_own_table(registry: Registry) -> None:
    plugins = {plugin.name: plugin for plugin in hook_plugins(registry, {"price": {"currency": "CHF"}}, pytest.fail)}
    assert set(plugins) == {"price", "bad-columns"}
    price = plugins["price"].make()
    assert (price.currency, price.per_token) == ("CHF", 1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prize": {}}, "[hooks.prize]: no such hook plugin (did you mean 'price'?)"),
        ({"price": {"curency": "CHF"}}, "[hooks.price]: unknown setting 'curency' (did you mean 'currency'?)"),
        ({"bad-columns": {"x": 1}}, "[hooks.bad-columns]: unknown setting 'x'"),
    ],
)
def test_a_setting_that_is_not_there_is_an_error_with_the_nearest_name(
    registry: Registry, settings: dict[str, dict[str, object]], message: str
) -> None:
    with pytest.raises(ZsgError) as caught:
        hook_plugins(registry, settings, pytest.fail)
    assert str(caught.value).startswith(message)


def test_a_store_cannot_read_the_environment(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its frozen plans may be somebody else's, who would learn what a plugin makes of the reader's variables."""
    monkeypatch.setenv("SECRET", "hunter2")
    store, told = Store(tmp_path / "store"), list[str]()
    store.write_matrix("m", "0", {"name": "m", "matrix": {"hooks": {"price": {"currency": "${SECRET}"}}}, "cells": []})
    names = [plugin.name for plugin in plugins_with_columns(registry, [store], None, told.append)]
    assert names == ["bad-columns"]
    (line,) = told
    assert line.startswith("[hooks.price]: the setting 'currency' is read from the environment")
    assert "hunter2" not in line
