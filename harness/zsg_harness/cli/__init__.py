"""The command line. `main` is the boundary between exceptions and what a shell sees: one line and an exit code.

Nothing heavy is imported until a command needs it: `--help` is answered at once.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Final

import click

DONE: Final = 0
SOME_FAILED: Final = 1
WRONG_INPUT: Final = 2
INTERRUPTED: Final = 130


class Interrupted(click.ClickException):
    """Ctrl-C, with a line about what became of the work."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        args: The arguments; by default those of the process.

    Returns:
        The exit code: 0 done, 1 some cells failed, 2 the input was wrong, 130 interrupted.
    """
    from zsg_harness.cli.group import cli

    _never_fail_on_a_character()
    try:
        code = cli.main(args, prog_name="zsg-harness", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return WRONG_INPUT
    except Interrupted as error:
        return _ended(error.format_message(), INTERRUPTED)
    except click.ClickException as error:
        return _ended(f"error: {_one_line(_message(error))}{_where_to_look(error)}", WRONG_INPUT)
    except click.Abort as error:
        if isinstance(error.__cause__, EOFError):
            raise error.__cause__ from None
        return _ended("interrupted", INTERRUPTED)
    except Exception as error:
        from zsg_registry import ZsgError

        if isinstance(error, OSError) and error.strerror:  # a full disk, a folder that may not be written …
            where = f"{error.filename}: " if error.filename else ""
            return _ended(f"error: {_one_line(where + error.strerror)}", WRONG_INPUT)
        if not isinstance(error, ZsgError):
            raise
        return _ended(f"error: {_one_line(str(error))}", WRONG_INPUT)
    return code if isinstance(code, int) else DONE


def _ended(message: str, code: int) -> int:
    click.echo(f"zsg-harness: {message}", err=True)
    return code


def _message(error: click.ClickException) -> str:
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        from zsg_registry import did_you_mean

        known = [name for parameter in error.ctx.command.params for name in parameter.opts]
        return f"no such option {error.option_name!r}{did_you_mean(error.option_name, known)}"
    return error.format_message()


def _one_line(message: str) -> str:
    return " ".join(message.split())


def _where_to_look(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return "" if context is None else f" (see: {context.command_path} --help)"


def _never_fail_on_a_character() -> None:
    """Names hold `×` and the like: a terminal or file that cannot show one gets a `?`, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
