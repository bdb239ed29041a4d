"""What differs between two cells, in the words of a matrix file: `training.learning_rate 0.0003 → 0.001`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from zsg_harness.identity import canonical

_Named = Iterator[tuple[str, Any]]

_TOLD: Final = 2
"""Changes that are named; of more, only how many is said."""

_SHORT: Final = 24
"""Characters of a value that is written out."""

_DATA: Final = "data"
_MODEL: Final = "model"
_METRICS: Final = "metrics that use the model"
_BY_HASH: Final = (_DATA, _MODEL, _METRICS)
"""What is known by what tells nobody anything."""

_QUERY: Final = "data.query_per_task"
"""What only counts where there is a query of its own."""

_DEFAULT: Final = "default"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What of two specs (`Cell.spec`) differs, the most telling first; which seeds count follows from the rest."""
    old, new = _unlike(before, after), _unlike(after, before)
    return _compared(old, new, _settings) or _compared(old, new, _seeds)


def in_words(found: Sequence[str]) -> str:
    """Changes in a line: the first ones, and how many more there are."""
    more = len(found) - _TOLD
    return ", ".join([*found[:_TOLD], *([f"and {more} more"] if more > 0 else [])])


def _unlike(spec: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """A spec without what another one has too, which is most of it."""
    return {
        name: _unlike(value, other[name]) if isinstance(value, dict) and isinstance(other.get(name), dict) else value
        for name, value in spec.items()
        if value != other.get(name)
    }


def _compared(
    before: Mapping[str, Any], after: Mapping[str, Any], named: Callable[[Mapping[str, Any]], _Named]
) -> list[str]:
    old, new = dict(named(before)), dict(named(after))
    names = (name for name in dict.fromkeys([*new, *old]) if name != _QUERY or (name in old and name in new))
    pairs = ((name, old.get(name, _DEFAULT), new.get(name, _DEFAULT)) for name in names)
    return [_change(name, own, other) for name, own, other in pairs if own != other]


def _change(name: str, old: Any, new: Any) -> str:
    before, after = _text(old), _text(new)
    if name in _BY_HASH or max(len(before), len(after)) > _SHORT:
        return f"{name} changed"
    return f"{name} {before} → {after}"


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _settings(spec: Mapping[str, Any]) -> _Named:
    """All of a spec but the seeds, as names of settings and their values."""
    shared, arranged = spec.get("shared", {}), spec.get("arranged", {})
    yield from _components(arranged.get("arrangement"), "arrangement")
    yield from _components(arranged.get("embedder"), "embedder")
    *dataset, content = shared.get("dataset") or [{}]
    yield _DATA, content.get("fingerprint")
    yield from _components(dataset, "dataset")
    caps = {**shared.get("pool", {}), **shared.get("eval", {})}
    yield from ((f"data.{name}", value) for name, value in caps.items())
    query = arranged.get("query") or {}
    yield from ((_QUERY, query[name]) for name in ("query_per_task",) if name in query)
    model = dict(shared.get("model", {}))
    yield _MODEL, model.pop("content", None)
    yield from ((f"model's {name}", value) for name, value in model.items())
    yield from _flat("training.", shared.get("training", {}))
    evaluation = spec.get("evaluation", {})
    yield "evaluation.steps", evaluation.get("steps")
    yield "evaluation.generate_at", evaluation.get("generate", {}).get("at")
    yield "evaluation.max_new_tokens", evaluation.get("generate", {}).get("max_new_tokens")
    yield _METRICS, canonical(evaluation.get("metrics"))
    yield from ((f"the harness's revision of {name}", value) for name, value in shared.get("core", {}).items())


def _seeds(spec: Mapping[str, Any]) -> _Named:
    """The seeds that count."""
    shared, arranged = spec.get("shared", {}), spec.get("arranged", {})
    yield "data seed", shared.get("data_seed")
    yield "data seed of the query", (arranged.get("query") or {}).get("data_seed")
    yield "order seed", arranged.get("order_seed")
    yield "train seed", shared.get("train_seed")


def _components(components: Any, kind: str) -> _Named:
    """The components of a pipe: one of a kind, and transforms behind it."""
    for position, component in enumerate(components or ()):
        name = f"{'transform' if position else kind} {component.get('name')}'s "
        yield f"{name}revision", component.get("revision")
        yield f"{name}distribution", component.get("distribution")
        yield from _flat(name, component.get("params", {}))


def _flat(prefix: str, table: Mapping[str, Any]) -> _Named:
    for name, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value
