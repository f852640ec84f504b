"""Whose page a call comes from, as pure ASGI: no page of another site acts in a person's name.

Any page that a person opens can have the browser call this server, with the cookie, or where
none is needed. It cannot read the answer, but the message is posted and the model is paid.
A GET acts here, too: ``/api/chat`` asks, a subscription enters a room or makes a channel.

``Sec-Fetch-Site`` decides, which a page can neither set nor leave out, and no proxy changes.
Browsers without it are older than 2023, or speak plain HTTP to a host other than loopback.
Then ``Origin`` must be that of ``Host``, as in Go's ``http.CrossOriginProtection``, but only
where no proxy has passed the call on: many put a Host of their own, or one without its port,
and the console behind them would be refused. ``Origin: null``, of a sandboxed frame or a
file, is another origin like any. Without either header a program calls, curl or an SDK; or
an old browser, for an image. Chromium says no ``Sec-Fetch-Site`` when a page opens a WebSocket,
which begins with a GET like any other: none of ours does, so those are refused.

It never protects from a name that is made to point at this machine: hosts.py does.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from tidewire.errors import OriginNotAllowed
from tidewire.server.refusals import refuse_at, route_path

__all__ = ["CheckOrigin"]

Fields = dict[bytes, bytes]

WEB_SOCKET = b"sec-websocket-key"
PROXIED = {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"}
"""What proxies add. A page must ask for permission first to send any of them."""


class CheckOrigin:
    """Refuses what pages of other origins than ours and ``origins`` call."""

    def __init__(self, app: ASGIApp, origins: Iterable[str]) -> None:
        self._app = app
        self._origins = {origin.encode() for origin in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._lets_in(scope, dict(scope["headers"])):
            error = OriginNotAllowed(
                "This call comes from a page of another origin. To let that page in, add its "
                "origin to [cors] origins, as 'https://app.example.com'."
            )
            await refuse_at(scope)(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _lets_in(self, scope: Scope, headers: Fields) -> bool:
        site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
        if not site and not origin:
            return True
        if site == b"same-origin" or origin in self._origins or not _acts(scope, headers):
            return True
        if site:
            return site == b"none" and not _is_prefetch(headers)
        return WEB_SOCKET not in headers and _is_of_host(headers)


def _acts(scope: Scope, headers: Fields) -> bool:
    """Whether the call can do something unseen. A preflight cannot, nor a file's or a health
    check's GET; and what opens in a tab, by a link or after a sign-in, the person sees."""
    if scope["method"] not in ("GET", "HEAD"):
        return bool(scope["method"] != "OPTIONS")
    is_opened = headers.get(b"sec-fetch-dest") == b"document" and not _is_prefetch(headers)
    return not is_opened and route_path(scope).startswith(("/api/", "/v1/"))


def _is_prefetch(headers: Fields) -> bool:
    """Whether a browser asks for what may be opened soon. Chromium calls the site of such a
    request ``none`` though any page can cause it, by speculation rules."""
    return b"sec-purpose" in headers


def _is_of_host(headers: Fields) -> bool:
    """Whether ``Origin`` is that of ``Host``, or Host may be a proxy's own. ``Connection`` is
    never passed on: browsers say keep-alive, nginx says close or nothing."""
    is_direct = headers.get(b"connection", b"").lower() == b"keep-alive"
    if not is_direct or not PROXIED.isdisjoint(headers):
        return True
    return headers[b"origin"].partition(b"://")[2] == headers.get(b"host")
