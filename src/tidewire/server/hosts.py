"""What name the server is called by, as pure ASGI: by no page's own that was made to lead here.

A page can have its name point at this machine when it has been loaded (DNS rebinding). To its
browser it is then a page of this server: what it asks has the right ``Origin``, or none, and, in
plain HTTP, no ``Sec-Fetch-Site``. Only ``Host`` tells. So on loopback a server without a secret
is to be called by an address, which nobody looks up, by a name of a domain that no stranger can
have (RFC 6761; ``host.docker.internal``), or by one that is listed.

A proxy on this machine may pass on the name that the world knows it by. It is told from a browser
by ``Connection``: browsers say keep-alive, which no page can change and proxies must not pass on
(RFC 9110, 7.6.1). Of their own nginx says close or nothing, Caddy and HAProxy nothing, Apache
Keep-Alive. What they add, as ``X-Forwarded-For``, a page can add here as well; all but ``Via``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from tidewire.errors import HostNotAllowed
from tidewire.server.refusals import refuse_at

__all__ = ["CheckHost", "is_loopback"]

LOCAL = (".localhost", ".internal")
MAX_SHOWN = 128


class CheckHost:
    """Refuses what a browser calls by another name than ours, or one of ``allowed``."""

    def __init__(self, app: ASGIApp, allowed: Iterable[str]) -> None:
        self._app = app
        self._allowed = {"", "localhost", *map(_name, allowed)}
        self._is_ours = lru_cache(maxsize=256)(self._judge)  # few names, and many calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = next((value for name, value in scope["headers"] if name == b"host"), b"")
            if not self._is_ours(host) and _is_direct(scope) and _is_on_loopback(scope):
                name = _name(host.decode("latin-1"))[:MAX_SHOWN]
                error = HostNotAllowed(
                    f"This server does not go by the name '{name}'. Call it by "
                    "localhost, or add the name to the setting allowed_hosts."
                )
                await refuse_at(scope)(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _judge(self, host: bytes) -> bool:
        name = _name(host.decode("latin-1"))
        return name in self._allowed or name.endswith(LOCAL) or _is_address(name)


def is_loopback(host: str) -> bool:
    """Whether an address, or ``localhost``, can be reached from this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name: it may lead anywhere
        return False


def _name(host: str) -> str:
    """Without its port, as names are compared."""
    return re.sub(r":\d*$", "", host).lower().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _is_direct(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return b"keep-alive" in headers.get(b"connection", b"") and b"via" not in headers


def _is_on_loopback(scope: Scope) -> bool:
    """Not so for a socket file, which has no address."""
    server = scope.get("server")
    return server is not None and is_loopback(server[0])
