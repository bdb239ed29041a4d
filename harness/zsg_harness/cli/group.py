"""The commands, by name. Their modules import what they work with inside functions."""

from __future__ import annotations

import click

from zsg_harness.cli.arrange import arrange
from zsg_harness.cli.completion import completion
from zsg_harness.cli.diff import diff
from zsg_harness.cli.doctor import doctor
from zsg_harness.cli.explain import explain
from zsg_harness.cli.leaderboard import leaderboard
from zsg_harness.cli.matrix import matrix
from zsg_harness.cli.naming import NearestNameGroup
from zsg_harness.cli.plan import plan
from zsg_harness.cli.plugins import plugins
from zsg_harness.cli.run import run
from zsg_harness.cli.score import score
from zsg_harness.cli.show import show
from zsg_harness.cli.store import store


def _print_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from zsg_harness import __version__

        click.echo(f"zsg-harness {__version__}")
        context.exit()


@click.group(cls=NearestNameGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help="Show the version."
)
def cli() -> None:
    """Which order of instruction-tuning data generalizes best?

    Fine-tunes a base model on every combination of dataset, embedder and arrangement in a matrix, watches the loss on
    unseen tasks, and writes a leaderboard.

    Begin with: zsg-harness run --matrix quickstart
    """


for _command in (
    run,
    plan,
    score,
    leaderboard,
    show,
    explain,
    arrange,
    diff,
    plugins,
    matrix,
    store,
    doctor,
    completion,
):
    cli.add_command(_command)
