"""`matrix`: the bundled matrices, a file to begin with, and a check of one's own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from zsg_harness.cli.naming import NearestNameGroup
from zsg_harness.cli.options import json_option
from zsg_harness.cli.output import counted, note, print_json, print_table


@click.group(cls=NearestNameGroup)
def matrix() -> None:
    """List the bundled matrices, begin one, or check one."""


@matrix.command("list")
@json_option
def list_matrices(as_json: bool) -> None:
    """List the bundled matrices, and what a run of each takes."""
    from zsg_harness.matrix.catalogue import entries

    if as_json:
        print_json([entry._asdict() for entry in entries()])
    else:
        print_table(("name", "summary", "cost"), entries())


@matrix.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=Path("matrix.toml"))
@click.option("--from", "source", default="quickstart", show_default=True, metavar="NAME", help="A bundled matrix.")
@json_option
def init(file: Path, source: str, as_json: bool) -> None:
    """Write a matrix file to begin with [default: matrix.toml]. A file that is there is left as it is."""
    from zsg_harness.cli.matrix_file import starter
    from zsg_registry import ZsgError

    text = starter(source, file)
    try:
        with file.open("x", encoding="utf-8") as handle:
            handle.write(text)
    except FileExistsError:
        raise ZsgError(f"{file} exists, and is left as it is") from None
    except OSError as error:
        raise ZsgError(f"{file} cannot be written: {error.strerror or error}") from None
    if as_json:
        print_json({"file": file})
        return
    click.echo(file)
    note(f"edit it, then: zsg-harness plan --matrix {file}")


@matrix.command()
@click.argument("matrix", metavar="FILE|NAME")
@json_option
def validate(matrix: str, as_json: bool) -> None:
    """Check a matrix: its fields, its components and their parameters, its models."""
    from zsg_harness.matrix.load import load_matrix
    from zsg_harness.plan.build import build_plan
    from zsg_registry import Registry

    plan = build_plan(load_matrix(matrix), Registry())
    totals: Counter[str] = Counter(cell.state for cell in plan.cells)
    name = plan.loaded.matrix.matrix.name
    for warning in plan.warnings:
        note(f"warning: {warning}")
    if as_json:
        print_json({"matrix": name, "valid": True, "totals": totals, "warnings": plan.warnings})
    else:
        click.echo(f"{name} is valid: {counted(totals)}")
