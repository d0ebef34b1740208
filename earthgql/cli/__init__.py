"""The command line: ``python manage.py COMMAND``; a command is imported only when named."""

import errno
import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import click

from earthgql import __version__
from earthgql.errors import BadInputError, EarthGQLError

COMMANDS = {
    "db": ("earthgql.cli.db:db", "The database: start, stop, migrate, open a shell."),
    "ingest": ("earthgql.cli.ingest.command:ingest", "Read imagery into the catalog."),
    "scenes": ("earthgql.cli.scenes:scenes", "List, show and delete ingested scenes."),
    "classify": ("earthgql.cli.classify.command:classify", "Compute and store scores ahead."),
    "query": ("earthgql.cli.query.command:query", "Run a GraphQL query, without a server."),
    "export": ("earthgql.cli.export:export", "Write tiles as GeoJSON, CSV or GeoParquet."),
    "model": ("earthgql.cli.model.group:model", "Train, check and exchange model bundles."),
    "serve": ("earthgql.cli.server.serve:serve", "Serve the GraphQL API."),
    "worker": ("earthgql.cli.server.worker:worker", "Do background jobs, without a server."),
    "schema": ("earthgql.cli.schema:schema", "Write or check the GraphQL schema."),
    "demo": ("earthgql.cli.demo.command:demo", "Prepare a landscape, ingest it and serve it."),
}
"""Name of each command: ``module:attribute`` to import when it is run, and its line of help."""

_INTERRUPTED = 130
_DISK_REFUSES = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class LazyGroup(click.Group):
    """A group that imports a command only to run it or to print its own help."""

    def __init__(
        self, *args: Any, lazy: Mapping[str, tuple[str, str]] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of commands: lazy ones in their order, then those already added."""
        return [*self.lazy, *(name for name in super().list_commands(ctx) if name not in self.lazy)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing it if it is lazy; None if there is none."""
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.lazy[cmd_name][0].partition(":")
        if importlib.util.find_spec(module) is None:
            raise click.UsageError(f"{cmd_name!r} is not part of this version of earthgql", ctx)
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command), f"{module}:{attribute} is no command"  # noqa: S101
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their one line of help, importing none of the lazy ones."""
        rows = [
            (name, self.lazy[name][1] if name in self.lazy else _short_help(self, ctx, name))
            for name in self.list_commands(ctx)
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _short_help(group: click.Group, ctx: click.Context, name: str) -> str:
    command = group.get_command(ctx, name)
    return command.get_short_help_str(80) if command else ""


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Settings are EARTHGQL_* variables or lines of .env; README.md lists them.",
)
@click.version_option(__version__, prog_name="earthgql")
def group() -> None:
    """Ask a map what is in it.

    \b
    Examples:
      python manage.py demo
      python manage.py ingest raster my-scene.tif
      python manage.py serve --bind 127.0.0.1:8000
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and exit: 0 done, 1 failed, 2 wrong usage or input, 130 interrupted.

    Args:
        arguments: command line without the program's name; None takes ``sys.argv``.
    """
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run a command and return the exit code, having printed any error as one line."""
    try:
        outcome = group.main(arguments, standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, click.Abort):
        _print_error("Interrupted", prefix="")
        return _INTERRUPTED
    except BrokenPipeError:
        return _closed_pipe()
    except Exception as error:
        return _report_error(error)
    return outcome if isinstance(outcome, int) else 0


def _report_error(error: Exception) -> int:
    """Print one line for an expected error and return the exit code; others are raised again."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return error.exit_code
    if isinstance(error, click.ClickException):
        _print_error(error.format_message())
        if isinstance(error, click.UsageError) and error.ctx is not None:
            click.echo(f"Try: {error.ctx.command_path} --help", err=True)
        return error.exit_code
    message = _message_for(error)
    if message is None:
        raise error
    _print_error(message)
    return 2 if isinstance(error, BadInputError) else 1


def _message_for(error: Exception) -> str | None:
    """Return the line to print for an expected error; None for a defect of earthgql."""
    if isinstance(error, EarthGQLError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _DISK_REFUSES:
        return f"{error.filename or 'a file'} cannot be written: {error.strerror}"
    if isinstance(error, PermissionError) and error.filename:
        return f"{error.filename} cannot be used: {error.strerror}"
    if "sqlalchemy" in sys.modules:
        from earthgql.database.engine import explained

        return explained(error)
    return None


def _print_error(message: str, prefix: str = "Error: ") -> None:
    click.secho(prefix + " ".join(message.split()), fg="red", err=True)


def _closed_pipe() -> int:
    # The reader of our output (head, less) went away: nothing to say, and nothing to flush to.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
