"""What is told of a plugin's parameters: types, bounds, defaults and meanings, whatever the plugin is like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from zsg_harness.installed.parameters import Parameter, component_parameters, hook_parameters
from zsg_registry import InputPath, Metric, Parameters

if TYPE_CHECKING:
    from decimal import Decimal


class Inner(BaseModel):
    """A table of its own."""

    x: int = 1


class Many(Metric):
    """Many parameters."""

    class Params(Parameters):
        """Of many types."""

        model_config = ConfigDict(arbitrary_types_allowed=True)

        file: InputPath
        """A file
        of data."""
        share: float = Field(default=0.5, gt=0, le=1)
        """A share."""
        mode: Literal["a", "b"] | None = None
        sizes: list[Annotated[int, Field(ge=1)]] = Field(default=[], max_length=3)
        span: tuple[int, int] = (0, 1)
        flag: bool = True
        inner: Inner = Inner()
        made: list[str] = Field(default_factory=lambda: ["x"])
        odd: Callable[[int], int] | None = None

    outputs: ClassVar[Any] = {}


def test_the_schema_is_told_in_words() -> None:
    found = {each.name: each for each in component_parameters(Many)}
    assert found["file"] == Parameter("file", "text", None, True, "A file of data.")
    assert found["share"] == Parameter("share", "number > 0, ≤ 1", "0.5", False, "A share.")
    types = {name: (each.type, each.default) for name, each in found.items()}
    assert types["mode"] == ('"a" or "b" or null', "null")
    assert types["sizes"] == ("list of integer ≥ 1 at most 3", "[]")
    assert types["span"] == ("[integer, integer]", "[0, 1]")
    assert types["flag"] == ("true or false", "true")
    assert types["inner"] == ("table", '{"x": 1}')
    assert types["made"] == ("list of text", None)
    assert types["odd"] == ("anything or null", "null")


class Settings:
    """Settings of every sort.

    Args:
        path: Where the lines go,
            one for each cell.
        level (int): How much is said.
        price: What it costs.

    More is said here.
    """

    def __init__(self, path: str, level: Literal[1, 2] = 1, *, price=(), **others: Any) -> None:
        pass


class Unresolved:
    """Its types are known to type checkers alone."""

    def __init__(self, price: Decimal | None = None) -> None:
        pass


class Unreadable:
    """Its types cannot be evaluated."""

    def __init__(self, price: Path.nothing | None = None) -> None:  # type: ignore[name-defined]
        pass


def test_hooks_are_told_of_by_what_they_are_made_with() -> None:
    assert hook_parameters(Settings) == [
        Parameter("path", "text", None, True, "Where the lines go, one for each cell."),
        Parameter("level", "1 or 2", "1", False, "How much is said."),
        Parameter("price", "anything", "[]", False, "What it costs."),
    ]
    for plugin in (Unresolved, Unreadable):
        assert hook_parameters(plugin) == [Parameter("price", "anything", "null", False, "")]


@pytest.mark.parametrize("bare", [type("Bare", (), {}), type("Silent", (), {"__init__": lambda self: None})])
def test_hooks_without_settings_have_none(bare: type[object]) -> None:
    assert hook_parameters(bare) == []
