"""What to run: a matrix by file or name, or one made up on the command line."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from zsg_harness.cli.how import minutes_of
from zsg_harness.cli.options import complete_components, complete_models

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from zsg_harness.matrix.load import LoadedMatrix

EVERYTHING: Final = "everything"
_DEFAULTS: Final = "quickstart"
_NO_AXES: Final = ("matrix", "decontaminate")


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for. The axes are None or empty where nothing was said about them.

    Attributes:
        matrix: A matrix file, a bundled matrix's name, or a pattern of such names.
        arrangements, datasets, embedders, models, metrics, seeds, budgets: The axes of a matrix without a file. Among
            the budgets may be a length of time, which is none of its cells' and only for a plan.
        decontaminate: What goes over the matrix's `data.decontaminate`, if anything.
    """

    matrix: str | None
    arrangements: Sequence[str]
    datasets: Sequence[str]
    embedders: Sequence[str]
    models: Sequence[str]
    metrics: Sequence[str]
    seeds: Sequence[int]
    budgets: Sequence[int | str | dict[str, int] | timedelta]
    decontaminate: Literal["report", "drop"] | None

    def load(self) -> list[LoadedMatrix]:
        """Read and check the matrix, or those that a pattern names.

        Raises:
            click.UsageError: Both a matrix and axes were given, or neither.
            ZsgError: A matrix is not usable.
        """
        from zsg_harness.matrix.catalogue import named_like
        from zsg_harness.matrix.load import load_matrix

        if self.matrix is not None and self._axes:
            options = "--matrix and -a, -d, -e, -m, --metric, --seed, --budget"
            raise click.UsageError(f"{options} exclude each other: to choose among a matrix's cells use --filter")
        if self.matrix is None and not self._axes:
            raise click.UsageError("say what to run: --matrix [FILE|NAME], or -a ARRANGEMENT")
        matrices = [self._ad_hoc()] if self.matrix is None else [load_matrix(name) for name in named_like(self.matrix)]
        return [self._as_asked(loaded) for loaded in matrices]

    def _as_asked(self, loaded: LoadedMatrix) -> LoadedMatrix:
        """The matrix, with what the command line says of it."""
        if self.decontaminate is None:
            return loaded
        data = loaded.matrix.data.model_copy(update={"decontaminate": self.decontaminate})
        return replace(loaded, matrix=loaded.matrix.model_copy(update={"data": data}))

    @property
    def time(self) -> float | None:
        """The seconds in which cells are to fit, if that was said."""
        return next((budget.total_seconds() for budget in self.budgets if isinstance(budget, timedelta)), None)

    @property
    def _axes(self) -> dict[str, list[Any]]:
        named = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in _NO_AXES}
        named["budgets"] = [budget for budget in self.budgets if not isinstance(budget, timedelta)]
        return {name: list(values) for name, values in named.items() if values}

    def _ad_hoc(self) -> LoadedMatrix:
        """The quickstart matrix with other axes, so that its cells are shared.

        Its cut of the data is left out where other data is named: nobody's own data is capped unasked.
        """
        from zsg_harness.matrix.load import check_matrix, load_matrix

        document = load_matrix(_DEFAULTS).matrix.model_dump(exclude_unset=True)
        document["matrix"] |= {"name": "ad-hoc"} | self._axes
        if self.datasets:
            document.pop("data", None)
        return check_matrix(document, "the command line", Path.cwd())


class Budget(click.ParamType["int | str | dict[str, int] | timedelta"]):
    """`3000` examples, `all`, `tokens=500000`, or a length of time."""

    name = "N|all|tokens=N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str | dict[str, int] | timedelta:
        """Turn what was written into what a matrix file would say."""
        if value == "all":
            return "all"
        minutes = minutes_of(value)
        if minutes is not None:
            return timedelta(minutes=minutes)
        is_tokens = value.startswith("tokens=")
        try:
            number = int(value.removeprefix("tokens="))
        except ValueError:
            self.fail(f"{value!r} is not a number of examples, 'all' or tokens=N", param, ctx)
        return {"tokens": number} if is_tokens else number


def _complete_matrix(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from zsg_harness.matrix.catalogue import bundled_names

    names = [CompletionItem(name) for name in bundled_names() if name.startswith(incomplete)]
    return [*names, CompletionItem(incomplete, type="file")]


_OPTIONS: Final = (
    click.option(
        "--matrix",
        is_flag=False,
        flag_value=EVERYTHING,
        metavar="[FILE|NAME]",
        shell_complete=_complete_matrix,
        help="A matrix file, or a bundled matrix by name (see 'matrix list'), or several by a pattern such as"
        " 'paper/*-small'. Without a value: every registered component that needs no parameters, on the built-in data.",
    ),
    click.option("-a", "--arrangement", "arrangements", multiple=True, metavar="REF",
                 shell_complete=complete_components("arrangement"),
                 help="Instead of a matrix: an arrangement, such as 'tma[mode=farthest] | shuffle'. The options below"
                 " complete it; what is left out is as in the quickstart matrix. All may be repeated."),
    click.option("-d", "--dataset", "datasets", multiple=True, metavar="REF",
                 shell_complete=complete_components("dataset"),
                 help="A dataset, such as 'jsonl[path=pool.jsonl,unseen=0.2]'."),
    click.option("-e", "--embedder", "embedders", multiple=True, metavar="REF",
                 shell_complete=complete_components("embedder"), help="An embedder."),
    click.option("-m", "--model", "models", multiple=True, metavar="MODEL", shell_complete=complete_models,
                 help="A base model: zsg-tiny, a folder or a hub id."),
    click.option("--metric", "metrics", multiple=True, metavar="REF", shell_complete=complete_components("metric"),
                 help="A metric."),
    click.option("--seed", "seeds", multiple=True, type=int, metavar="N", help="A seed."),
    click.option("--budget", "budgets", multiple=True, type=Budget(), metavar="N",
                 help="How many examples to train on; or 'all', or 'tokens=N'. To 'plan', a length of time such as 2h"
                 " says which cells fit in it."),
    click.option("--decontaminate", type=click.Choice(["report", "drop"]),
                 help="Tell of pool examples that the evaluation has too, exactly or nearly, or train on none of them"
                 " [default: as the matrix says, or else report]."),
)  # fmt: skip


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say what to run; it gets them as one `selection`."""

    @functools.wraps(command)
    def with_selection(**given: Any) -> Any:
        chosen = {field.name: given.pop(field.name) for field in fields(Selection)}
        return command(selection=Selection(**chosen), **given)

    decorated: Callable[..., Any] = with_selection
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
