"""`explain`: why a cell's losses went as they did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from zsg_harness.cli.options import (
    OutputFolder,
    complete_components,
    json_option,
    quiet_option,
    store_option,
    trust_option,
)
from zsg_harness.cli.output import note, print_json, print_table, printable
from zsg_harness.cli.show import complete_cells

if TYPE_CHECKING:
    from zsg_harness.explain.explanation import Explanation
    from zsg_harness.explain.jumps import Jump

_MOST_LINES: Final = 10
_NEIGHBOURS: Final = 3


@click.command()
@click.argument("cell", shell_complete=complete_cells)
@store_option
@click.option(
    "-e",
    "--embedder",
    metavar="REF",
    shell_complete=complete_components("embedder"),
    help="What similarity is by [default: the cell's embedder, else that of other cells on its data].",
)
@click.option(
    "--out",
    type=OutputFolder(),
    metavar="DIR",
    help="Write index.html, explanation.json and similarity.parquet there too.",
)
@trust_option
@json_option
@quiet_option
def explain(
    cell: str, store: str, embedder: str | None, out: Path | None, trust_remote_code: bool, as_json: bool, quiet: bool
) -> None:
    """Explain a cell: why did the loss of a task jump, and does it follow similarity?

    CELL is its id, or enough of the id's beginning to tell it from others. Sudden drops are set beside the nearest
    examples that the receipt says were consumed just before; loss curves beside nine distances between what was
    consumed and each unseen task. Its data set is loaded as the cell did; distances are kept in the store's cache.
    """
    from zsg_harness.cli.embedding import silence_libraries, watch_embedding
    from zsg_harness.cli.stored import find_cell, open_store, stored_cell, stored_cells
    from zsg_harness.explain.explanation import explain as explained
    from zsg_registry import Registry

    silence_libraries()
    from huggingface_hub import is_offline_mode

    opened = open_store(store)
    chosen = stored_cell(opened, find_cell(opened, cell), trust_remote_code=trust_remote_code)
    with watch_embedding(quiet=quiet) as on_progress:
        found = explained(
            opened,
            chosen,
            stored_cells(opened),
            Registry(),
            embedder=embedder,
            offline=is_offline_mode(),
            on_progress=on_progress,
        )
    if out is not None:
        _write(found, out)
    if as_json:
        print_json(found.document())
    else:
        _print(found)
    if out is not None and not quiet:
        note(f"explanation: {out}/index.html")


def _write(found: Explanation, out: Path) -> None:
    from zsg_harness.explain.picture import page
    from zsg_harness.store.atomic import write_bytes, write_text
    from zsg_harness.store.formats import json_bytes, parquet_bytes

    write_text(out / "index.html", page(found))
    write_bytes(out / "explanation.json", json_bytes(found.document()))
    write_bytes(out / "similarity.parquet", parquet_bytes(found.similarity))


def _print(found: Explanation) -> None:
    hubness = found.hubness
    skewness = "–" if hubness.skewness is None else f"{hubness.skewness:.2f}"
    print_table(
        ("", ""),
        [
            ("cell", found.cell.cell_id),
            ("", str(found.cell.labels)),
            ("access", f"the arrangement {found.sight}"),
            ("similarity by", found.embedder),
            ("hubness", f"skewness {skewness} of the {hubness.k}-occurrence over {hubness.queries} queries"),
            ("kinds", ", ".join(f"{number} {kind}" for kind, number in _kinds(found))),
        ],
    )
    for jump in found.jumps[:_MOST_LINES]:
        _print_jump(jump)
    if not found.jumps:
        click.echo("\nno task's loss fell suddenly")
    _print_correlations(found)
    click.echo()
    parts = [f"–{end}" for end in found.tasks.ends]
    print_table(("tasks, % of the steps up to", *parts), _mix_rows(found))


def _kinds(found: Explanation) -> Iterator[tuple[str, int]]:
    from zsg_harness.reports.transitions import KINDS

    kinds = list(found.kinds.values())
    return ((kind, kinds.count(kind)) for kind in KINDS if kind in kinds)


def _print_jump(jump: Jump) -> None:
    drop = jump.drop
    click.echo()
    fall = f"{drop.from_loss:.3f} → {drop.to_loss:.3f} between steps {drop.from_step} and {drop.to_step}"
    click.echo(printable(f"{drop.task or '(no task)'}: {fall}"))
    before = "–" if jump.nearest_before is None else f"{jump.nearest_before:.3f}"
    tasks = ", ".join(f"{task or '(no task)'} {share:.0%}" for task, share in jump.tasks.items())
    click.echo(printable(f"  {jump.consumed:,} examples between, of {tasks}; nearest before: {before}; between:"))
    rows = [(f"  {near.similarity:.3f}", f"step {near.step}", near.task, near.id, near.text) for near in jump.nearest]
    if rows:
        print_table(("", "", "", "", ""), rows[:_NEIGHBOURS])


def _print_correlations(found: Explanation) -> None:
    from zsg_harness.explain.lag import LAGS
    from zsg_harness.explain.similarity import mean_correlations

    def text(value: float | None) -> str:
        return "–" if value is None else f"{value:+.2f}"

    click.echo()
    print_table(
        ("changes of the loss after those of", *("at once" if not lag else f"{lag} later" for lag in LAGS)),
        [(measure, *map(text, mean_correlations(by_task))) for measure, by_task in found.correlations.items()],
    )


def _mix_rows(found: Explanation) -> Iterator[tuple[str, ...]]:
    shares = list(found.tasks.shares.items())
    for task, own in shares[:_MOST_LINES]:
        yield (task or "(no task)", *(f"{100 * share:.0f}" for share in own))
    if len(shares) > _MOST_LINES:
        rest = [sum(own) for own in zip(*(own for _, own in shares[_MOST_LINES:]), strict=True)]
        yield (f"{len(shares) - _MOST_LINES} others", *(f"{100 * share:.0f}" for share in rest))
