"""The suite of data sets."""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple, NoReturn, TypeVar
from unittest import mock

from zsg_registry.components import Kind
from zsg_registry.dataset import Dataset
from zsg_registry.examples import Example, ExampleSet
from zsg_registry.testing.suites.checks import fault, not_applicable, told
from zsg_registry.testing.suites.component import ComponentSuite, runs_here
from zsg_registry.testing.suites.elsewhere import global_seeds, in_another_process
from zsg_registry.testing.suites.embedder import folder

D = TypeVar("D", bound=Dataset)

_PUBLISHED: Final = re.compile(r"[^@\s]+@[^@\s]+")


class _Context(NamedTuple):
    """What `load` gets: no network."""

    cache_dir: Path
    offline: bool = True


class DatasetSuite(ComponentSuite[D]):
    """What a data set promises. A subclass gives the fixture `component`, of little data: all of it is read."""

    kind: ClassVar[Kind] = "dataset"

    def test_works_on_its_data(self, component: D) -> None:
        """It loads without raising, and there are examples."""
        runs_here(component)
        try:
            examples = loaded(component)
        except Exception as error:
            fault(f"load() raises: {told(error)}")
        if not examples:
            fault("load() yields no example")

    def test_examples_are_whole(self, component: D) -> None:
        """Each is an `Example` with an id, a prompt and an answer."""
        examples = self._loaded(component)
        for example in examples:
            if not isinstance(example, Example):
                fault(f"load() yields a {type(example).__name__}: yield zsg_registry.Example")
            problem = example.problem()
            if problem is not None and "side" not in problem:
                fault(f"example {example.id!r}: {problem}")

    def test_ids_are_unique(self, component: D) -> None:
        """No id is used twice."""
        seen: set[str] = set()
        for example in self._examples(component):
            if example.id in seen:
                fault(f"the id {example.id!r} is used twice: number the examples of each task")
            seen.add(example.id)

    def test_sides_are_declared(self, component: D) -> None:
        """Each example is seen or unseen, and some are seen."""
        sides = {example.side for example in self._examples(component)}
        wrong = sorted(map(str, sides - {"seen", "unseen"}))
        if wrong:
            fault(f"a side is {wrong[0]!r}: say 'seen' or 'unseen'")
        if "seen" not in sides:
            fault("no example is of a seen task: there is nothing to train on")

    def test_fits_an_example_set(self, component: D) -> None:
        """Every field is of its type, and every text is valid Unicode."""
        examples = self._examples(component)
        distinct = {example.id: example for example in examples if example.problem() is None}
        try:
            ExampleSet.from_examples(distinct.values())
        except Exception as error:
            fault(f"the examples make no ExampleSet: {told(error)}; give every field the type that Example says")

    def test_fingerprint_is_stable(self, component: D) -> None:
        """It is the same at every call, before and after loading, for a new object and in another process."""
        first: object = self._fingerprint(component)
        if not isinstance(first, str) or not first.strip():
            fault(f"fingerprint() returned {first!r}: return a text, such as a hash of the files")
        self._loaded(component)
        fresh = type(component)(component.params)
        with global_seeds(1):
            again = {component.fingerprint(), fresh.fingerprint()}
        if again != {first}:
            fault("fingerprint() changed from call to call, so that finished cells would never be found again")
        if in_another_process(_fingerprint, type(component), component.params) != first:
            fault("fingerprint() is another one in another process: make it of the content and the parameters alone")

    def test_fingerprint_is_cheap(self, component: D) -> None:
        """It does not load the data: `plan` asks for it."""
        self._fingerprint(component)
        with mock.patch.object(type(component), "load", _not_now):
            try:
                component.fingerprint()
            except _Loaded:
                fault("fingerprint() loads the data: hash the files, or name the revision")

    def test_is_the_same_at_every_call(self, component: D) -> None:
        """Every load gives the same examples in the same order."""
        first = _hash(self._loaded(component))
        for seed, each in enumerate((component, type(component)(component.params))):
            with global_seeds(seed):
                again = _hash(loaded(each))
            if again != first:
                fault(
                    "a second load() gave other examples, or another order: sort what has none, draw from a fixed seed"
                )

    def test_is_the_same_in_another_process(self, component: D) -> None:
        """A process with other string hashes loads the same examples in the same order."""
        first = _hash(self._loaded(component))
        if _hash(loaded(component)) != first:
            not_applicable("two loads differ, which another check tells of")
        if in_another_process(_elsewhere, type(component), component.params) != first:
            fault("another process loads other examples, or another order: do not go by sets or hash()")

    def test_keeps_off_the_network(self, component: D) -> None:
        """With `context.offline` it opens no connection."""
        self._loaded(component)
        with _no_network():
            try:
                loaded(component)
            except _Connected as error:
                fault(f"it connects to {error} though context.offline is true: read the cache, or raise a ZsgError")

    def test_license_is_declared(self, component: D) -> None:
        """License and citation are texts or None; published data has a license."""
        for name in ("license", "citation"):
            value = getattr(component, name)
            if value is not None and (not isinstance(value, str) or not value.strip()):
                fault(f"{name} is {value!r}: say it in words (an SPDX expression for a license), or None")
        self._loaded(component)
        place: object = component.published_as()
        if place is None:
            return
        if not isinstance(place, str) or not _PUBLISHED.fullmatch(place):
            fault(f"published_as() returned {place!r}: return '<id>@<commit>', or None")
        if component.license is None:
            fault("it is published, and has no license: set license, 'not stated' if its authors do not state one")

    def _loaded(self, component: D) -> list[Any]:
        """What it loads, where it loads something: that it does is a check of its own."""
        runs_here(component)
        try:
            return loaded(component)
        except Exception as error:
            not_applicable(f"it raised {type(error).__name__}, which another check tells of")

    def _examples(self, component: D) -> list[Example]:
        examples = self._loaded(component)
        if not all(isinstance(example, Example) for example in examples):
            not_applicable("it yields other things than examples, which another check tells of")
        return examples

    def _fingerprint(self, component: D) -> str:
        runs_here(component)
        try:
            return component.fingerprint()
        except Exception as error:
            fault(f"fingerprint() raises: {told(error)}")


def loaded(component: Dataset) -> list[Any]:
    """All it yields."""
    return list(component.load(_Context(folder())))


class _Loaded(Exception):
    pass


class _Connected(Exception):
    pass


def _not_now(self: Dataset, context: object) -> NoReturn:
    raise _Loaded


@contextmanager
def _no_network() -> Iterator[None]:
    def connect(self: socket.socket, address: Any, *_: Any) -> NoReturn:
        raise _Connected(address[0] if isinstance(address, tuple) else address)

    with mock.patch.object(socket.socket, "connect", connect), mock.patch("socket.getaddrinfo", _resolve):
        yield


def _resolve(host: Any, *_: Any, **__: Any) -> NoReturn:
    raise _Connected(host)


def _fingerprint(component: type[Dataset], params: Any) -> str:
    return component(params).fingerprint()


def _elsewhere(component: type[Dataset], params: Any) -> str:
    return _hash(loaded(component(params)))


def _hash(examples: list[Any]) -> str:
    digest = hashlib.sha256()
    for example in examples:
        digest.update(repr(example).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
