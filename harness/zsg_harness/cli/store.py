"""`store`: merge, move, check and clean stores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from zsg_harness.cli import SOME_FAILED
from zsg_harness.cli.naming import NearestNameGroup
from zsg_harness.cli.options import StorePlace, filter_option, json_option, quiet_option, store_option
from zsg_harness.cli.output import note, print_json, print_table, printable, size

if TYPE_CHECKING:
    from zsg_harness.store.garbage import Garbage
    from zsg_harness.store.merge import Merged
    from zsg_harness.store.results import Damage

_FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.group(cls=NearestNameGroup)
def store() -> None:
    """Merge, move, check and clean stores."""


@store.command()
@click.argument("target", type=StorePlace())
@click.argument("sources", metavar="SOURCE...", type=StorePlace(), nargs=-1, required=True)
@json_option
@quiet_option
def merge(target: str, sources: Sequence[str], as_json: bool, quiet: bool) -> None:
    """Copy the finished cells of each SOURCE into TARGET.

    Both are folders or URLs. Nothing in TARGET is written over: where a cell has other results in SOURCE, they are kept
    beside those of TARGET, which still count, and reported. The exit code is then 1.
    """
    from zsg_harness.cli.stored import open_store
    from zsg_harness.store.merge import merge as merge_stores
    from zsg_harness.store.store import Store

    merged = merge_stores(Store(target), {source: open_store(source) for source in sources})
    _tell_merged(target, merged, as_json, quiet)


@store.command()
@store_option
@click.option("--out", required=True, type=_FILE, metavar="FILE.tar.gz", help="The archive to write.")
@filter_option
@json_option
@quiet_option
def export(store: str, out: Path, filters: Sequence[str], as_json: bool, quiet: bool) -> None:
    """Write finished cells to one file, with the hash of everything in it."""
    from zsg_harness.cli.stored import open_store, stored_cells
    from zsg_harness.plan.filter import choose
    from zsg_harness.store.archive import export_cells

    opened = open_store(store)
    done = opened.done_cells()
    if filters:
        cells = [cell for cell in stored_cells(opened) if cell.cell_id in done]
        done = {cell.cell_id for cell in choose(cells, filters)}
    exported = export_cells(opened, sorted(done), out)
    _tell_damaged(exported.damaged, as_json)
    if as_json:
        damaged = list(map(_described, exported.damaged))
        print_json({"file": out, "cells": exported.cells, "files": exported.files, "damaged": damaged})
    else:
        click.echo(out)
    if not quiet:
        note(f"{out}: {len(exported.cells)} cells, {exported.files} files, {size(out.stat().st_size)}")
    _exit(bool(exported.damaged))


@store.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@store_option
@json_option
@quiet_option
def import_(file: Path, store: str, as_json: bool, quiet: bool) -> None:
    """Copy the cells of an archive of 'store export' into a store, as 'store merge' does.

    An archive that holds anything but what its manifest says is refused as a whole.
    """
    from zsg_harness.store.archive import import_cells
    from zsg_harness.store.store import Store

    _tell_merged(store, import_cells(file, Store(store)), as_json, quiet)


@store.command()
@store_option
@json_option
@quiet_option
def verify(store: str, as_json: bool, quiet: bool) -> None:
    """Check every finished cell: its files' hashes, its receipt against its order, its identity.

    Prints a line for each fault. The exit code is 1 if there is one.
    """
    from zsg_harness.cli.stored import open_store
    from zsg_harness.store.verify import Verifier

    opened = open_store(store)
    found = Verifier(opened, _silent if as_json else _echo).verify()
    counts = {"cells": found.cells, "files": found.files}
    if as_json:
        print_json({"store": store, **counts, "faults": list(map(_described, found.faults))})
    if not quiet:
        note(f"{store}: {found.cells} finished cells, {found.files} files, {len(found.faults)} faults")
    _exit(bool(found.faults))


@store.command()
@store_option
@click.option("--yes", is_flag=True, help="Delete; without it, only say what would be.")
@click.option("--keep-cache", is_flag=True, help="Leave embeddings and the like, which else are computed anew.")
@json_option
@quiet_option
def gc(store: str, yes: bool, keep_cache: bool, as_json: bool, quiet: bool) -> None:
    """Free what no result needs: caches, logs, cut-short attempts at cells that are done, stale leases.

    While a run uses the store, its cells and the caches are left alone.
    """
    from zsg_harness.cli.stored import open_store
    from zsg_harness.store.garbage import find_garbage, remove_garbage
    from zsg_harness.store.leases import Leases

    opened = open_store(store)
    with Leases(opened.files) as leases:
        if not quiet and leases.names():
            note("looking whether those who hold leases are still there: up to a minute if they are on other machines")
        held = leases.held()
        garbage = find_garbage(opened, held, keep_cache)
        if yes:
            opened.prepare()
            garbage = remove_garbage(garbage, leases)
    kinds = _by_kind(garbage)
    total = sum(kind["bytes"] for kind in kinds.values())
    if as_json:
        print_json({"store": store, "deleted": yes, "bytes": total, "kinds": kinds, "held": sorted(held)})
    elif kinds:
        columns = ("kind", "files", "size")
        print_table(columns, ([name, f"{kind['files']:,}", size(kind["bytes"])] for name, kind in kinds.items()))
    if not quiet:
        if held:
            note(f"a run uses the store ({len(held)} leases): its cells, caches, logs and unfinished files are left")
        note(f"freed {size(total)}" if yes else f"{size(total)} can be freed: --yes deletes")


def _tell_merged(target: str, merged: Merged, as_json: bool, quiet: bool) -> None:
    if as_json:
        damaged = [{"source": source, **_described(damage)} for source, damage in merged.damaged]
        conflicts = [
            {"key": each.key, "source": each.source, "differs": each.differs, "kept": each.kept}
            for each in merged.conflicts
        ]
        new = {"copied": merged.copied, "metrics": merged.metrics, "files": merged.files}
        print_json({"store": target, **new, "equal": merged.equal, "conflicts": conflicts, "damaged": damaged})
    else:
        for conflict in merged.conflicts:
            click.echo(printable(f"conflict: {conflict}"))
        for source, damage in merged.damaged:
            click.echo(printable(f"damaged: {source}: {damage}"))
    if not quiet:
        counts = f"{len(merged.copied)} copied, {len(merged.equal)} there before"
        note(f"{target}: {counts}, {len(merged.conflicts)} conflicts, {len(merged.damaged)} damaged")
    _exit(bool(merged.conflicts or merged.damaged))


def _tell_damaged(damaged: Sequence[Damage], as_json: bool) -> None:
    for damage in [] if as_json else damaged:
        _echo(damage)


def _by_kind(garbage: Sequence[Garbage]) -> dict[str, dict[str, int]]:
    kinds: dict[str, dict[str, int]] = {}
    for each in garbage:
        kind = kinds.setdefault(each.kind, {"files": 0, "bytes": 0})
        kind["files"] += each.count
        kind["bytes"] += each.size
    return kinds


def _described(damage: Damage) -> dict[str, Any]:
    return {"file": damage.key, "reason": damage.reason}


def _echo(damage: Damage) -> None:
    click.echo(printable(f"damaged: {damage}"))


def _silent(damage: Damage) -> None:
    """The document says it all."""


def _exit(failed: bool) -> None:
    if failed:
        raise click.exceptions.Exit(SOME_FAILED)
