"""Options that several commands share, and what may be completed in them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

FOLDER: Final = click.Path(file_okay=False, path_type=Path)


class OutputFolder(click.ParamType[Path]):
    """A folder to write into. That it can be made is seen before any work is done; it is made when it is needed."""

    name = "directory"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Take a path whose nearest existing ancestor is a folder that can be written."""
        folder = Path(value)
        nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if not nearest.is_dir():
            self.fail(f"{nearest} is not a folder", param, ctx)
        if not os.access(nearest, os.W_OK):
            self.fail(f"{nearest} cannot be written", param, ctx)
        return folder


class StorePlace(click.ParamType[str]):
    """A folder, or a URL of a file system that fsspec knows."""

    name = "place"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take a URL, or a path that is not a file."""
        text = str(value)
        if "://" not in text and Path(text).is_file():
            self.fail(f"{text} is a file, not a folder", param, ctx)
        return text

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Completes folders."""
        return [CompletionItem(incomplete, type="dir")]


store_option: Final = click.option(
    "--store",
    type=StorePlace(),
    default="runs",
    metavar="DIR|URL",
    help="The place of results: a folder, or s3://bucket/runs and the like [default: ./runs].",
)
out_option: Final = click.option(
    "--out", type=OutputFolder(), metavar="DIR", help="Where the reports go [default: into the store]."
)
matrix_option: Final = click.option(
    "--matrix", metavar="NAME", help="Only this matrix of the store [default: every cell]."
)
figures_option: Final = click.option(
    "--figures", is_flag=True, help="Also draw figures, as SVG and PNG (the extra 'figures')."
)
json_option: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
filter_option: Final = click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="AXIS=PATTERN",
    help="Only these cells, such as 'arrangement=tma*,seed=0'. May be repeated: all must match.",
)
trust_option: Final = click.option(
    "--trust-remote-code",
    is_flag=True,
    help="Run the code that a model's author published with it, where the store says that the cells did.",
)
quiet_option: Final = click.option("-q", "--quiet", is_flag=True, help="Only results, and what went wrong.")
plain_option: Final = click.option("--plain", is_flag=True, help="A line for each cell that ends; no live display.")


def complete_components(kind: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Completes a component's name, from the metadata of what is installed."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        from zsg_registry import Registry

        return [name for name in Registry().names(kind) if name.startswith(incomplete)]

    return complete


def complete_models(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Completes the name of a bundled model."""
    from zsg_harness.models.resolve import bundled_models

    return [name for name in bundled_models() if name.startswith(incomplete)]
