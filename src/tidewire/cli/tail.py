"""``tidewire tail URL``: follow a stream in the terminal, resuming by itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

import typer

if TYPE_CHECKING:
    from tidewire.wire.parser import ServerSentEvent

__all__ = ["tail"]


def tail(
    url: Annotated[str, typer.Argument(help="As in http://127.0.0.1:8400/api/streams/run_…")],
    since: Annotated[
        str, typer.Option("--from", help="start, now, or the number of latest events.")
    ] = "start",
    cursor: Annotated[str | None, typer.Option(help="Go on after this event id.")] = None,
    text: Annotated[bool, typer.Option("--text", help="Only the answer's text.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    token: Annotated[
        str | None, typer.Option(envvar="TIDEWIRE_TOKEN", help="Sent as a bearer token.")
    ] = None,
) -> None:
    """Follow any event stream, over as many connections as it takes.

    A lost connection is resumed after the last event that arrived; what happens to the
    connection is told on stderr. Ends with the stream, or with Ctrl+C.
    """
    write = _write_text if text else _write_json if json else _write_line
    if cursor is None:
        url += ("&" if "?" in url else "?") + urlencode({"from": since})
    try:
        asyncio.run(_tail(url, cursor, token, write))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


async def _tail(url: str, cursor: str | None, token: str | None, write: object) -> None:
    from tidewire.cli.terminal import bearer, tell_wait
    from tidewire.client import follow

    async for event in follow(url, cursor=cursor, headers=bearer(token), on_wait=tell_wait):
        write(event)  # type: ignore[operator]


def _write_line(event: ServerSentEvent) -> None:
    typer.echo(f"{event.id or '-'}\t{event.event}\t{event.data}")


def _write_json(event: ServerSentEvent) -> None:
    import json

    fields = {"id": event.id, "event": event.event, "data": event.data}
    typer.echo(json.dumps(fields, ensure_ascii=False))


def _write_text(event: ServerSentEvent) -> None:
    from tidewire.answers.events import TERMINAL_TYPES, TextDelta, decode

    answer = decode(event.event, event.data)
    if isinstance(answer, TextDelta):
        typer.echo(answer.delta, nl=False)
    elif event.event in TERMINAL_TYPES:
        typer.echo()
