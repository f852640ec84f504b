"""The command line: one file per command. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import errno
import sys
from typing import Annotated

import typer

from tidewire import __version__
from tidewire.cli.ask import ask
from tidewire.cli.mock import mock
from tidewire.cli.publish import publish
from tidewire.cli.record import record
from tidewire.cli.serve import serve
from tidewire.cli.tail import tail
from tidewire.cli.terminal import advice, say, write_utf_8
from tidewire.errors import TidewireError

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",  # joins the lines of a paragraph, for any width
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command()(ask)
app.command()(tail)
app.command()(publish)
app.command()(mock)
app.command()(record)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _tell_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Tidewire: streams that arrive. AI answers over SSE, durable and resumable."""


def main() -> None:
    """The command ``tidewire``: an error that we know is one line, not a traceback."""
    write_utf_8()
    try:
        app()
    except TidewireError as exc:
        say(f"tidewire: {exc}{advice(exc)}", fg="red", err=True)
        sys.exit(2)
    except OSError as exc:
        if exc.errno != errno.ENOSPC:
            raise
        typer.secho(
            "tidewire: What is written cannot be stored: the disk is full.", fg="red", err=True
        )
        sys.exit(2)
