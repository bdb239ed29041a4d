"""`show`: what the store knows of a cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from zsg_harness.cli.options import json_option, store_option
from zsg_harness.cli.output import duration, print_json, print_table, printable
from zsg_harness.cli.ran import ran

if TYPE_CHECKING:
    from zsg_harness.store.store import Store

_FACTS: Final = (
    "set_hash",
    "order_hash",
    "held_out",
    "examples",
    "steps",
    "tokens",
    "tokens_per_second",
    "roles",
    "counts",
    "embedded",
    "timings",
)
_APART: Final = frozenset({"scores", "files", "provenance", "usage", "spec"})


def complete_cells(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Completes the id of a cell of the store."""
    from zsg_harness.store.store import Store

    known = Store(context.params.get("store") or "runs").cell_ids()
    return [cell_id for cell_id in known if cell_id.startswith(incomplete)]


@click.command()
@click.argument("cell", shell_complete=complete_cells)
@store_option
@json_option
def show(cell: str, store: str, as_json: bool) -> None:
    """Show a cell: what it is, how it went, its scores and files.

    CELL is its id, or enough of the id's beginning to tell it from others.
    """
    from zsg_harness.cli.stored import find_cell, open_store

    opened = open_store(store)
    document = _document(opened, find_cell(opened, cell))
    if as_json:
        print_json(document)
    else:
        _print(document)


def _document(store: Store, cell_id: str) -> dict[str, Any]:
    from zsg_harness.cli.stored import stored_cell

    cell = stored_cell(store, cell_id)
    committed = store.committed(cell_id)
    status = (committed.read_json("status") if committed else store.last_status(cell_id)) or {}
    state = status.get("state", "running")
    newest = committed or next(reversed(store.attempts(cell_id)), None)
    return {
        "cell_id": cell_id,
        "state": "running, or cut short" if state == "running" else state,
        "reason": status.get("reason"),
        **cell.labels.model_dump(),
        "seeds": list(cell.seed_names),
        "streams": cell.seeds.model_dump(),
        "access": str(cell.access),
        "started": status.get("started"),
        "ended": status.get("ended"),
        "seconds": status.get("seconds"),
        "training_id": cell.training_id,
        "block": cell.block,
        **{name: status[name] for name in _FACTS if name in status},
        "scores": committed.final_scores() if committed else {},
        "usage": status.get("usage", {}),
        "provenance": status.get("provenance", {}),
        "folder": newest.url if newest else f"{store.url}/cells/{cell_id}",
        "files": newest.names() if newest else [],
        "spec": cell.spec,
    }


def _print(document: dict[str, Any]) -> None:
    """Facts first, then scores, how it was run, and files. The spec is for programs: `--json`."""
    facts = {key: value for key, value in document.items() if key not in _APART}
    if facts["seconds"] is not None:
        facts["seconds"] = duration(facts["seconds"])
    print_table(("", ""), ((name.replace("_", " "), text) for name, value in facts.items() for text in _texts(value)))
    if document["scores"]:
        print_table(
            ("score", "mean over tasks"), ((name, f"{value:.4f}") for name, value in document["scores"].items())
        )
    if document["provenance"]:
        print_table(("", ""), [line for line in ran(document["provenance"], document["usage"]) if line[1]])
    for name in document["files"]:
        click.echo(printable(f"{document['folder']}/{name}"))


def _texts(value: Any) -> Iterator[str]:
    """A value as text; nothing for one that says nothing."""
    if isinstance(value, dict):
        yield ", ".join(f"{key} {_text(part)}" for key, part in value.items()) or "–"
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, list):
        yield " ".join(map(str, value)) or "–"
    elif value is not None:
        yield _text(value)


def _text(part: Any) -> str:
    if part is None:
        return "–"
    return f"{part:,.1f}" if isinstance(part, float) else str(part)
