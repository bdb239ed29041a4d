"""What every component is: a class with typed parameters, a summary, a revision, and declared needs."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from zsg_registry.compatibility import FIRST
from zsg_registry.errors import ZsgError, did_you_mean
from zsg_registry.places import content_of, holds_place
from zsg_registry.reference import Reference

Kind = Literal["dataset", "embedder", "vector-transform", "arrangement", "transform", "metric"]


class Need(StrEnum):
    """A service a component uses. Use of one that was not declared raises `ContractError`."""

    EMBEDDER = "embedder"
    MODEL = "model"
    TOKENIZER = "tokenizer"
    LOSSES = "losses"
    GRADIENTS = "gradients"
    TASKS = "tasks"
    BATCHES = "batches"


_C = TypeVar("_C", bound="Component")


class Parameters(BaseModel):
    """The base of every component's `Params`: unknown names are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Component:
    """The base of every component. The first line of a component's docstring is its summary.

    Attributes:
        params: The parameters, an instance of the class's `Params`.
        revision: Raised by the author when outputs or defaults change; part of a cell's identity.
        api_version: The version of this contract that the component was written for (see `docs/compatibility.md`).
        examples: References that show how the component is used, such as `"tma[mode=farthest]"`. Help shows them, and
            `plugins check` checks the component with these parameters; files are looked for beside the class's module.
    """

    class Params(Parameters):
        """No parameters."""

    kind: ClassVar[Kind]
    revision: ClassVar[int] = 1
    api_version: ClassVar[int] = FIRST
    examples: ClassVar[Sequence[str]] = ()
    params: Parameters

    def __init__(self, params: Parameters | None = None, **values: Any) -> None:
        """Take ready parameters, or make them from `values`.

        Raises:
            pydantic.ValidationError: A value is of the wrong type, or its name is unknown.
        """
        self.params = self.Params(**values) if params is None else params

    @property
    def needs(self) -> frozenset[Need]:
        """The services this component uses with these parameters."""
        return frozenset()

    @property
    def stochastic(self) -> bool:
        """Whether the outputs depend on `context.rng` with these parameters. `stochastic = True` says: with any."""
        return False

    def unavailable(self) -> str | None:
        """Why this component cannot run here (a missing extra, no network), or None. Its cells are then skipped."""
        return None

    @classmethod
    def summary(cls) -> str:
        """The first line of the class's own docstring; that of a base would describe something else."""
        return inspect.cleandoc(cls.__doc__ or "").partition("\n")[0]

    def identity_params(self) -> dict[str, Any]:
        """The parameters that make a difference: not at their default, and files by their content (`InputPath`).

        Raises:
            ZsgError: A file is not there.
        """
        places = {name: value for name, value in self.params if holds_place(value)}
        plain = self.params.model_dump(mode="json", exclude_defaults=True, exclude=set(places))
        return plain | {name: content_of(value) for name, value in places.items()}


def bind(component: type[_C], reference: Reference, *, base_dir: Path | None = None, where: str | None = None) -> _C:
    """Make the component that a reference asks for.

    Args:
        component: The class.
        reference: Its name and parameters as written.
        base_dir: What an `InputPath` is relative to.
        where: What to call the component in an error; by default its kind and name.

    Raises:
        ZsgError: A parameter is unknown, missing or of the wrong type.
    """
    where = where or f"{component.kind} {reference.name!r}"
    try:
        params = component.Params.model_validate(dict(reference.params), context={"base_dir": base_dir})
    except ValidationError as error:
        raise ZsgError(f"{where}: {describe(error, list(component.Params.model_fields))}") from None
    return component(params)


def describe(error: ValidationError, known: list[str]) -> str:
    """The first of a pydantic error's findings, in one line, with the nearest right name for an unknown one."""
    finding = error.errors()[0]
    name = ".".join(map(str, finding["loc"]))
    if not name:
        return finding["msg"].removeprefix("Value error, ")  # about several parameters together
    if finding["type"] == "extra_forbidden":
        return f"unknown parameter {name!r}{did_you_mean(name, known)}"
    if finding["type"] == "missing":
        return f"parameter {name!r} is required"
    # A value that fits no branch of a union has a finding for each branch; together they say what would be right.
    branches = [other for other in error.errors() if other["loc"][:1] == finding["loc"][:1]]
    if len(branches) > 1:
        name = str(finding["loc"][0])
    right = " or ".join(dict.fromkeys(branch["msg"].removeprefix("Input should be ") for branch in branches))
    if finding["type"] == "value_error":
        return f"parameter {name!r}: {finding['msg'].removeprefix('Value error, ')}"
    return f"parameter {name!r}: should be {right}, got {finding['input']!r}"


def required_params(component: type[Component]) -> list[str]:
    """The parameters without which the component cannot be made."""
    return [name for name, field in component.Params.model_fields.items() if field.is_required()]
