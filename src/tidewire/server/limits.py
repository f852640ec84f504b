"""What holds before any route runs, as pure ASGI: it never touches a stream.

``RequireSecret`` is the simplest door there is: whoever has the server's secret may
do everything. It keeps an exposed server from being open to all.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tidewire.errors import RequestTooLarge, Unauthorized
from tidewire.server.refusals import refuse_at, route_path

__all__ = ["LimitBody", "RequireSecret"]

COOKIE = "tidewire_secret"


class LimitBody:
    """Refuses request bodies over ``max_bytes``: at once if they say so, else when read."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        error = RequestTooLarge(f"The body is over {self._max_bytes} bytes.")
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._max_bytes:
            await refuse_at(scope)(error)(scope, receive, send)
            return
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_bytes:
                raise error
            return message

        await self._app(scope, limited, send)


class RequireSecret:
    """Lets an API call in only with the secret: ``Authorization: Bearer``, ``x-api-key``,
    as Anthropic's SDKs send their key, or a cookie.

    A browser's ``EventSource`` cannot send a header, so it comes with the cookie
    ``tidewire_secret``. The console's files and the health checks are open.
    """

    def __init__(self, app: ASGIApp, secret: str) -> None:
        self._app = app
        self._secret = secret.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _is_closed(scope) and not self._knows(dict(scope["headers"])):
            error = Unauthorized("Send this server's secret, as a bearer token or x-api-key.")
            await refuse_at(scope)(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _knows(self, headers: dict[bytes, bytes]) -> bool:
        return any(hmac.compare_digest(secret, self._secret) for secret in _offered(headers))


def _is_closed(scope: Scope) -> bool:
    """Whether a call needs the secret. A preflight, which has none, is answered before."""
    return scope["type"] == "http" and route_path(scope).startswith(("/api", "/v1", "/metrics"))


def _offered(headers: dict[bytes, bytes]) -> Iterator[bytes]:
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer":
        yield token.strip()
    yield headers.get(b"x-api-key", b"")
    cookies = cookie_parser(headers.get(b"cookie", b"").decode("latin-1"))
    yield cookies.get(COOKIE, "").encode("latin-1")
