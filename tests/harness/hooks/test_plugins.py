"""Settings of hook plugins, which are really installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zsg_harness.hooks.plugins import hook_plugins
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
