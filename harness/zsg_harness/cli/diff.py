"""`diff`: how two orders differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from zsg_harness.cli.options import OutputFolder, json_option, store_option
from zsg_harness.cli.output import print_json, print_table

if TYPE_CHECKING:
    from zsg_harness.orders.compare import Comparison, Side
    from zsg_harness.orders.reading import ReadOrder

_SUFFIXES: Final = (".svg", ".html")
_MOST_LINES: Final = 12


class PictureOut(click.ParamType[Path]):
    """A picture to write."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Take a path with a known suffix in a folder that can be made and written."""
        path = Path(value)
        if path.suffix not in _SUFFIXES:
            self.fail(f"{value!r} must end with {' or '.join(_SUFFIXES)}", param, ctx)
        OutputFolder().convert(path.parent, param, ctx)
        return path


@click.command()
@click.argument("a", metavar="ORDER")
@click.argument("b", metavar="ORDER")
@store_option
@click.option("--data", metavar="FILE|REF", help="The pool, which tells the tasks of examples that an order names.")
@click.option("--picture", type=PictureOut(), metavar="FILE", help="Draw the difference: .svg or .html.")
@json_option
def diff(a: str, b: str, store: str, data: str | None, picture: Path | None, as_json: bool) -> None:
    """Show how two orders differ: in their examples, their sequence, their tasks and stages.

    An ORDER is what 'arrange' wrote (.parquet or .jsonl), a cell's order.parquet, or a cell of the store by its id.
    """
    from zsg_harness.orders.compare import compare

    comparison = compare(_read(a, store), _read(b, store), {} if data is None else _tasks(data))
    if picture is not None:
        _draw(comparison, picture)
    if as_json:
        print_json(comparison.document())
    else:
        _print(comparison)


def _read(name: str, store: str) -> ReadOrder:
    from zsg_harness.orders.reading import read_cell, read_order

    path = Path(name)
    if path.is_file() or path.suffix or len(path.parts) > 1:
        return read_order(path)
    from zsg_harness.cli.stored import find_cell, open_store

    opened = open_store(store)
    return read_cell(opened, find_cell(opened, name))


def _tasks(data: str) -> dict[str, str]:
    from zsg_harness.orders.inputs import Sources
    from zsg_harness.store.places import user_cache
    from zsg_registry import Registry

    seen = Sources(Registry(), user_cache()).read(data, answers=False).seen
    return {example: task for example, task in zip(seen.ids, seen["task"], strict=True) if task is not None}


def _draw(comparison: Comparison, path: Path) -> None:
    from zsg_harness.orders.picture import picture
    from zsg_harness.store.atomic import write_text
    from zsg_registry import ZsgError

    try:
        write_text(path, picture(comparison, "svg" if path.suffix == ".svg" else "html"))
    except OSError as error:
        raise ZsgError(f"{path} cannot be written: {error.strerror or error}") from None


def _print(comparison: Comparison) -> None:
    a, b = comparison.a, comparison.b
    print_table(
        ("", "A", "B"),
        [
            ("order", a.name, b.name),
            ("arrangement", _arrangement(a), _arrangement(b)),
            ("examples", f"{a.examples:,}", f"{b.examples:,}"),
            ("steps", _count(a.steps), _count(b.steps)),
            ("set hash", a.set_hash, b.set_hash),
            ("order hash", a.order_hash, b.order_hash),
        ],
    )
    tau = comparison.kendall_tau
    click.echo()
    print_table(
        ("", ""),
        [
            ("same examples", _yes(comparison.same_set)),
            ("same order", _yes(comparison.same_order)),
            ("common examples", f"{comparison.common:,}"),
            ("Kendall's τ", "–" if tau is None else f"{tau:.3f}"),
        ],
    )
    click.echo()
    shared = ((f"{one.percent} %", f"{one.shared:,}", f"{one.jaccard:.3f}") for one in comparison.prefixes)
    print_table(("beginning", "shared", "Jaccard"), shared)
    for name, side in (("A", a), ("B", b)):
        if side.task_mix:
            click.echo()
            print_table((f"tasks of {name}, % of each tenth", *map(str, range(1, 11))), _mix_rows(side))
        if side.stages:
            click.echo()
            print_table((f"stages of {name}", "entries", "from", "median", "to"), _stage_rows(side))


def _arrangement(side: Side) -> str:
    return str(side.origin.get("arrangement", "–"))


def _count(steps: int | None) -> str:
    return "–" if steps is None else f"{steps:,}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _mix_rows(side: Side) -> Iterator[tuple[str, ...]]:
    mixes = list(side.task_mix.items())
    for task, shares in mixes[:_MOST_LINES]:
        yield (task or "(not known)", *(f"{100 * share:.0f}" for share in shares))
    if len(mixes) > _MOST_LINES:
        rest = [sum(shares) for shares in zip(*(shares for _, shares in mixes[_MOST_LINES:]), strict=True)]
        yield (f"{len(mixes) - _MOST_LINES} others", *(f"{100 * share:.0f}" for share in rest))


def _stage_rows(side: Side) -> Iterator[tuple[str, ...]]:
    for stage in side.stages[:_MOST_LINES]:
        places = (f"{100 * place:.0f} %" for place in (stage.first, stage.median, stage.last))
        yield (stage.name, f"{stage.count:,}", *places)
    if len(side.stages) > _MOST_LINES:
        rest = side.stages[_MOST_LINES:]
        yield (f"{len(rest)} others", f"{sum(stage.count for stage in rest):,}", "", "", "")
