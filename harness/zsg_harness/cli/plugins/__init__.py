"""`plugins`: what is installed, and how to begin with one's own."""

from __future__ import annotations

import click

from zsg_harness.cli.check import check_plugins
from zsg_harness.cli.naming import NearestNameGroup
from zsg_harness.cli.plugins.info import info
from zsg_harness.cli.plugins.listing import list_plugins
from zsg_harness.cli.plugins.new import new


@click.group(cls=NearestNameGroup)
def plugins() -> None:
    """List the installed plugins, look at one, check a distribution's, or begin one."""


for _command in (list_plugins, info, check_plugins, new):
    plugins.add_command(_command)
