"""``tidewire record URL --out FILE``: keep a real stream with its timing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidewire.cli.address import http_url

if TYPE_CHECKING:
    from tidewire.mock.recorder import Recorded

__all__ = ["record"]


def record(
    url: Annotated[str, typer.Argument(help="What to ask.", callback=http_url)],
    out: Annotated[Path, typer.Option(help="The file to write, JSON lines.", dir_okay=False)],
    method: Annotated[
        str | None, typer.Option(help="HTTP method.", show_default="GET, POST with --data")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="The request's body; @FILE reads it from a file.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(help="As in 'Authorization: Bearer …'; repeatable.")
    ] = None,
) -> None:
    """Record a stream: its status, its head, and every chunk with the time it came.

    Any HTTP answer will do, whether a model's or another server's. Ctrl+C ends the
    recording and keeps it. Nothing of the request is stored but its method and its URL
    without the query: keys stay out of the file. "tidewire mock --replay FILE" plays it.
    """
    body = _body(data)
    headers = dict(_header(text) for text in header or ())
    if body is not None:
        headers = {"Content-Type": "application/json", **headers}
    method = (method or ("GET" if body is None else "POST")).upper()
    try:
        recorded = asyncio.run(_record(url, out, method, body, headers))
    except KeyboardInterrupt:
        typer.secho("Stopped; what has come is kept", err=True)
        raise typer.Exit(130) from None
    typer.secho(
        f"{recorded.status} · {recorded.chunks} chunks, {recorded.bytes} bytes "
        f"in {recorded.seconds:.2f} s · {recorded.how} · {out}",
        err=True,
    )


async def _record(
    url: str, out: Path, method: str, data: bytes | None, headers: dict[str, str]
) -> Recorded:
    from tidewire.mock.recorder import record

    return await record(url, out, method=method, data=data, headers=headers)


def _body(data: str | None) -> bytes | None:
    if data is None or not data.startswith("@"):
        return None if data is None else data.encode()
    try:
        return Path(data[1:]).read_bytes()
    except OSError:
        raise typer.BadParameter(f"{data[1:]} cannot be read", param_hint="--data") from None


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise typer.BadParameter(f"{text!r} is not 'Name: value'", param_hint="--header")
    return name.strip(), value.strip()
