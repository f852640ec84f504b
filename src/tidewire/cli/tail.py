"""``tidewire tail``: follow a stream, or channels, in the terminal, resuming by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeAlias
from urllib.parse import urlencode

import typer

from tidewire.cli.address import DEFAULT_SERVER, Server, Token, channel_name, header_value, http_url
from tidewire.cli.terminal import say

if TYPE_CHECKING:
    from tidewire.wire.parser import ServerSentEvent

__all__ = ["tail"]

Write: TypeAlias = "Callable[[ServerSentEvent, str], None]"
"""Prints an event, with the name of its channel."""


def tail(
    url: Annotated[
        str | None,
        typer.Argument(help="As in http://127.0.0.1:8400/api/streams/run_…", callback=_read_url),
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            help="A channel of the server, instead of a URL; repeat it.", callback=_read_channels
        ),
    ] = None,
    server: Server = DEFAULT_SERVER,
    since: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="start, now, or how many of the latest; with --cursor, of channels new to it.",
            show_default="start; channels: now",
        ),
    ] = None,
    cursor: Annotated[
        str | None, typer.Option(help="Go on after this event id.", callback=header_value)
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Only the answer's text.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    token: Token = None,
) -> None:
    """Follow any event stream, or channels of a server, over as many connections as it takes.

    A lost connection is resumed after the last event that arrived; what happens to the
    connection, and what could not be continued, is told on stderr. Ends with the stream,
    or with Ctrl+C.
    """
    if (url is None) == (not channel):
        raise typer.BadParameter("give either a URL or channels", param_hint="URL | --channel")
    if text and json:
        raise typer.BadParameter("give one of them, not both", param_hint="--text | --json")
    query = [("channel", name) for name in channel or ()]
    if since is not None or cursor is None:
        query.append(("from", since or ("now" if channel else "start")))
    url = url or f"{server.rstrip('/')}/api/events"
    url += ("&" if "?" in url else "?") + urlencode(query) if query else ""
    write = _write_text if text else _write_json if json else _write_line
    try:
        asyncio.run(_tail(url, bool(channel), cursor, token, write))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _read_url(url: str | None) -> str | None:
    try:
        return None if url is None else http_url(url)
    except typer.BadParameter as exc:
        raise typer.BadParameter(f"{exc} A channel is followed by --channel.") from None


def _read_channels(names: list[str] | None) -> list[str] | None:
    return names and [channel_name(name) for name in names]


async def _tail(
    url: str, endless: bool, cursor: str | None, token: str | None, write: Write
) -> None:
    from tidewire.cli.terminal import bearer, tell_reset, tell_wait
    from tidewire.client import ChannelNames, follow

    names = ChannelNames()
    async for event in follow(
        url, cursor=cursor, headers=bearer(token), on_wait=tell_wait, endless=endless
    ):
        names.see(event)
        if event.event == "stream.reset":
            tell_reset(event.data)
        elif event.event != "stream.open":
            write(event, names.of(event))


def _write_line(event: ServerSentEvent, channel: str) -> None:
    data = event.data.replace("\n", "\n\t\t")  # or what follows could pass for another event
    say(f"{channel or event.id or '-'}\t{event.event}\t{data}")


def _write_json(event: ServerSentEvent, channel: str) -> None:
    import json

    fields = {"channel": channel} if channel else {}
    fields |= {"id": event.id, "event": event.event, "data": event.data}
    say(json.dumps(fields, ensure_ascii=False))


def _write_text(event: ServerSentEvent, channel: str) -> None:
    from tidewire.answers.events import TERMINAL_TYPES, TextDelta, decode
    from tidewire.cli.terminal import tell_end

    answer = decode(event.event, event.data)
    if isinstance(answer, TextDelta):
        say(answer.delta, nl=False)
    elif event.event in TERMINAL_TYPES:
        typer.echo()
        tell_end(answer)
