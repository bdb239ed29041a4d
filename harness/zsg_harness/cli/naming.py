"""A group of commands that offers the nearest name for a mistyped one, and lists them in the order they were added."""

from __future__ import annotations

import click


class NearestNameGroup(click.Group):
    """See the module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands' names, most used first."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with.

        Raises:
            click.UsageError: There is none of that name.
        """
        name = args[0]
        if name not in self.commands and not name.startswith("-") and not ctx.resilient_parsing:
            from zsg_registry import did_you_mean

            raise click.UsageError(f"no such command {name!r}{did_you_mean(name, self.commands)}", ctx)
        return super().resolve_command(ctx, args)
