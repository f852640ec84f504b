"""``tidewire publish CHANNEL TEXT``: publish to a channel, a text or line by line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from tidewire.cli.address import DEFAULT_SERVER, Server, Token, channel_name, header_value

__all__ = ["publish"]


def publish(
    channel: Annotated[str, typer.Argument(help="The channel's name.", callback=channel_name)],
    text: Annotated[
        str, typer.Argument(help="The event's data; -: stdin, one event a line.")
    ] = "-",
    event: Annotated[str, typer.Option(help="The event's type.")] = "message",
    json: Annotated[
        bool,
        typer.Option("--json", help='The text is {"event"?, "data"} or an array of such.'),
    ] = False,
    server: Server = DEFAULT_SERVER,
    token: Token = None,
    key: Annotated[
        str | None,
        typer.Option(
            help="Idempotency key: published once, however often this is run.",
            callback=header_value,
        ),
    ] = None,
) -> None:
    """Publish to a channel, which is made if it does not exist.

    Prints the cursor of the (last) event. What fails for a while is tried again, and
    stored once. With lines from stdin, each is stored before the next is sent, and its
    key is the given one with the number of the line. How many there were is told on
    stderr, also where one of them fails.
    """
    if json and event != "message":
        raise typer.BadParameter("with --json, the type stands in the JSON", param_hint="--event")
    try:
        asyncio.run(_publish(channel, text, event, json, server, token, key))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


async def _publish(
    channel: str,
    text: str,
    event: str,
    json: bool,
    server: str,
    token: str | None,
    key: str | None,
) -> None:
    from tidewire.cli.terminal import bearer, tell_wait
    from tidewire.client import Publisher

    async with Publisher(server, headers=bearer(token), on_wait=tell_wait) as publisher:

        async def send(text: str, key: str | None) -> str:
            if json:
                return await publisher.publish_json(channel, text, key=key)
            return await publisher.publish(channel, text, event=event, key=key)

        cursor = await (_send_lines(send, key) if text == "-" else send(text, key))
    if cursor:
        typer.echo(cursor)


async def _send_lines(send: Callable[[str, str | None], Awaitable[str]], key: str | None) -> str:
    """The last one's cursor, empty if there was none. How many were sent is told in any case."""
    from tidewire.cli.stdin import read_lines

    if sys.stdin is not None and sys.stdin.isatty():
        typer.secho("[an event a line; Ctrl+D ends]", dim=True, err=True)
    number, cursor = 0, ""
    try:
        async for line in read_lines():
            said = line.decode(errors="replace").rstrip("\r\n")
            cursor = await send(said, f"{key}-{number + 1}" if key else None)
            number += 1
    finally:
        typer.secho(f"[{number} published]", dim=True, err=True)
    return cursor
