"""What every component promises, of whichever kind."""

from __future__ import annotations

import json
import pickle
import warnings
from typing import Annotated, Any, ClassVar, Final, Generic, TypeVar

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from zsg_registry.components import Component, Kind, bind, describe
from zsg_registry.discovery import broken_promise
from zsg_registry.errors import ZsgError
from zsg_registry.places import holds_place
from zsg_registry.reference import Reference, parse_reference
from zsg_registry.testing.suites.checks import fault, not_applicable, told
from zsg_registry.testing.suites.elsewhere import in_another_process

C = TypeVar("C", bound=Component)

_LONGEST_SUMMARY: Final = 160


class ComponentSuite(Generic[C]):
    """The base of all suites of components: declarations, parameters, help, identity."""

    kind: ClassVar[Kind]

    @pytest.fixture
    def component(self) -> C:
        """The component as its user would make it: subclasses say how."""
        fault("a suite's subclass needs the fixture 'component', which returns the plugin")

    def test_keeps_the_contract_of_its_kind(self, component: C) -> None:
        """It is a complete class of its kind for this version of the contract."""
        problem = broken_promise(self.kind, type(component))
        if problem is not None:
            fault(f"{problem}: see zsg_registry.{self.kind.title().replace('-', '')}")
        if type(component).revision < 1:
            fault(f"its revision is {type(component).revision}: begin with 1, and raise it when outputs change")
        if not isinstance(component.stochastic, bool):
            fault(f"stochastic is {component.stochastic!r}: it must be True or False")
        if not isinstance(component.needs, frozenset):
            fault(f"needs is a {type(component.needs).__name__}: return a frozenset of Need")

    def test_is_available_here(self, component: C) -> None:
        """It can run on this machine, so that this suite checks something."""
        reason: object = component.unavailable()
        if reason is None:
            return
        if not isinstance(reason, str) or not reason.strip() or "\n" in reason:
            fault(f"unavailable() returned {reason!r}: return None, or the reason in one line")
        fault(f"nothing could be checked, for it is not available here: {reason}")

    def test_help_is_true(self, component: C) -> None:
        """The docstring's first line says in one sentence what it does."""
        summary = type(component).summary()
        if not summary:
            fault("its class has no docstring: the first line is what `plugins list` shows")
        if not summary.endswith((".", "!", "?")):
            fault(f"the docstring's first line, {summary!r}, is no whole sentence: `plugins list` shows it alone")
        if len(summary) > _LONGEST_SUMMARY:
            fault(f"the docstring's first line has {len(summary)} characters: say it in {_LONGEST_SUMMARY}")

    def test_parameters_are_documented(self, component: C) -> None:
        """Every parameter has a description."""
        fields = type(component).Params.model_fields
        silent = [name for name, field in fields.items() if not (field.description or "").strip()]
        if silent:
            fault(f"nothing describes {_names(silent)}: put a docstring under the field in Params")

    def test_unknown_parameters_are_refused(self, component: C) -> None:
        """A mistyped parameter is an error, and parameters cannot change."""
        config = type(component).Params.model_config
        if config.get("extra") != "forbid":
            fault("Params takes names it does not know, so that a typing error goes unnoticed: keep extra='forbid'")
        if not config.get("frozen"):
            fault("Params can be changed after they went into the identity: keep frozen=True")

    def test_defaults_are_valid(self, component: C) -> None:
        """Every default is a value that the parameter itself would take, and help can show it."""
        for name, field in type(component).Params.model_fields.items():
            if field.is_required():
                continue
            default = field.get_default(call_default_factory=True)
            try:
                if _validated(field, default) != default:
                    fault(f"the default of {name!r}, {default!r}, becomes another value when it is written out")
            except ValidationError as error:
                reason = describe(error, [name])
                fault(f"the default of {name!r} is not valid: {reason}")
        _schema(type(component))

    def test_can_be_written_as_a_reference(self, component: C) -> None:
        """Its parameters survive being written as `name[param=value]` and read again."""
        values = component.params.model_dump(mode="json", exclude_defaults=True)
        try:
            reference = parse_reference(str(Reference("plugin", values)))
            again = bind(type(component), reference)
        except ZsgError as error:
            fault(f"its parameters cannot be written in a matrix: {error}")
        except (TypeError, ValueError) as error:
            fault(f"its parameters {values} have no text form: use types that JSON has ({told(error)})")
        if again.params != component.params:
            fault(f"written as {reference} and read again, its parameters are others: {again.params}")

    def test_identity_is_stable(self, component: C) -> None:
        """What goes into a cell's identity is the same at every call, has no defaults in it, and is plain JSON."""
        identity = component.identity_params()
        try:
            text = json.dumps(identity, sort_keys=True, allow_nan=False)
        except (TypeError, ValueError) as error:
            fault(f"identity_params() is not plain JSON: {told(error)}")
        again = type(component)(component.params).identity_params()
        if again != identity or component.identity_params() != identity:
            fault("identity_params() differs from call to call, so that finished cells would never be found again")
        fields = type(component).Params.model_fields
        for name, value in component.params:
            default = None if fields[name].is_required() else fields[name].get_default(call_default_factory=True)
            if name in identity and not fields[name].is_required() and value == default and not holds_place(value):
                fault(f"identity_params() names {name!r} at its default: then a new parameter would move all cells")
        elsewhere = in_another_process(_identity, *_as_pickled(component))
        if elsewhere != text:
            fault(f"in another process identity_params() is {elsewhere}, here {text}: it must depend on params alone")

    def test_is_the_same_after_pickling(self, component: C) -> None:
        """Worker processes can be handed a copy of it."""
        try:
            again = pickle.loads(pickle.dumps(component))
        except Exception as error:
            fault(f"it cannot be pickled: {told(error)}; keep no open files, locks or lambdas in it")
        if type(again) is not type(component) or again.params != component.params:
            fault("a pickled copy has other parameters: __getstate__ and __reduce__ must keep params")


def _as_pickled(component: Component) -> tuple[type[Component], Any]:
    return type(component), component.params


def _identity(component: type[Component], params: Any) -> str:
    return json.dumps(component(params).identity_params(), sort_keys=True)


def _validated(field: FieldInfo, value: Any) -> Any:
    annotated: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    return TypeAdapter(annotated).validate_python(value)


def _schema(component: type[Component]) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            component.Params.model_json_schema()
        except Exception as error:
            fault(f"no help can be made of Params: {told(error)}; use types that JSON has")
    shown = [str(warning.message) for warning in caught if "JSON" in str(warning.message)]
    if shown:
        fault(f"help cannot show a default of Params: {shown[0].partition('[')[0]}")


def _names(names: list[str]) -> str:
    return ", ".join(map(repr, names))


def runs_here(component: Component) -> None:
    """Go no further with one that cannot run here: that is a finding of its own."""
    if component.unavailable() is not None:
        not_applicable("it is not available here")
