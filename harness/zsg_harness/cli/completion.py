"""`completion`: the script that teaches a shell to complete commands, options and names."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL")
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    r"""Print the script for completion with Tab.

    \b
    bash   eval "$(zsg-harness completion bash)"          in ~/.bashrc
    zsh    eval "$(zsg-harness completion zsh)"           in ~/.zshrc
    fish   zsg-harness completion fish | source           in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    assert script is not None
    command = context.find_root().command
    click.echo(script(command, {}, "zsg-harness", "_ZSG_HARNESS_COMPLETE").source())
