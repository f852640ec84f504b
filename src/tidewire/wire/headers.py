"""The head of every event stream we send: one set of headers, so that it is never half of it.

- ``Content-Type``: the standard knows no charset but UTF-8; it is named for clients
  that guess otherwise.
- ``Cache-Control``: ``no-cache`` keeps a stored answer from being taken for a live one;
  ``no-transform`` forbids what lies between to compress, which would mean to buffer.
- ``X-Accel-Buffering: no``: nginx, and proxies that follow it, pass every token on at once.
- ``X-Content-Type-Options: nosniff``: a stream carries what people and models wrote;
  opened as a page or as a script it must never be taken for HTML or JavaScript.

Left out on purpose: ``Connection``, which is the server's own and illegal in HTTP/2;
``Content-Encoding: identity``, a token reserved for requests (RFC 9110, section 8.4)
where ``no-transform`` is the standard's word; ``Content-Length``, there is none.
Pure; says nothing about CORS or cookies, which belong to the server's settings.
"""

from __future__ import annotations

from typing import Final

__all__ = ["STREAM_HEADERS", "stream_headers"]

STREAM_HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
)


def stream_headers(*more: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """The headers of a stream and ``more`` behind them, as an ASGI server takes them.

    A new list each time: middleware may add to it.
    """
    return [*STREAM_HEADERS, *more]
