"""Where a command asks, and by which right: what several of them are told, and its check."""

from __future__ import annotations

from typing import Annotated

import typer

from tidewire.wire.url import is_http_url

__all__ = ["DEFAULT_SERVER", "Server", "Token", "channel_name", "header_value", "http_url"]

DEFAULT_SERVER = "http://127.0.0.1:8400"


def http_url(text: str) -> str:
    """``text``, if it is an http or https URL. Raises typer.BadParameter."""
    if is_http_url(text):
        return text
    host = text.partition("/")[0]  # "localhost:8400" and "example.com/x" lack no more than this
    named = "://" not in text and (":" in host or "." in host) and is_http_url(f"http://{text}")
    meant = f" Did you mean http://{text}?" if named else ""
    raise typer.BadParameter(f"{text!r} is not an http or https URL.{meant}")


def header_value(text: str | None) -> str | None:
    """``text``, if a header can bear it; what a file ends in is left out. Raises
    typer.BadParameter, which does not repeat it: it may be a secret."""
    text = text and text.strip()
    if text and not text.isprintable():
        raise typer.BadParameter("There are line ends or other control characters in it.")
    return text


def channel_name(text: str) -> str:
    """``text``, if a channel can be called so. Raises typer.BadParameter."""
    from tidewire.errors import BadRequest
    from tidewire.live.channels import channel_stream

    try:
        channel_stream(text)
    except BadRequest as exc:
        raise typer.BadParameter(str(exc)) from None
    return text


Server = Annotated[
    str,
    typer.Option(envvar="TIDEWIRE_SERVER", help="Where tidewire serve runs.", callback=http_url),
]
Token = Annotated[
    str | None,
    typer.Option(envvar="TIDEWIRE_TOKEN", help="Sent as a bearer token.", callback=header_value),
]
