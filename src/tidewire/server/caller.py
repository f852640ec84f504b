"""Who calls: the one place that decides it.

A caller is believed: the header ``Tidewire-User``, which a trusted proxy sets (and must
strip from what comes in), else ``?user=``, else a random id in a cookie. Whoever can reach
the server can so call himself anything. All that asks who somebody is asks here, and
nothing else looks at these.
"""

from __future__ import annotations

import re
import secrets

import msgspec
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from tidewire.errors import BadRequest
from tidewire.server.routes import Route

__all__ = ["Caller", "CallerRoute", "caller", "check_user"]

HEADER = "tidewire-user"
COOKIE = "tidewire_user"
COOKIE_SECONDS = 365 * 86400
MAX_NAME_LENGTH = 64
_USER = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
_NEW = "tidewire.new_user"


class Caller(msgspec.Struct, frozen=True):
    """A person: the id that is stored, and the name that is shown."""

    user: str
    name: str


def caller(request: Request) -> Caller:
    """Who sends this request. Raises BadRequest for an id or a name that cannot be one."""
    query = request.query_params
    user = request.headers.get(HEADER) or query.get("user")
    user = check_user(user) if user is not None else _anonymous(request)
    return Caller(user, _check_name(query.get("name") or user))


def check_user(user: str) -> str:
    """``user``, if a person's id can be so. Raises BadRequest."""
    if not _USER.fullmatch(user):
        raise BadRequest("A user is 1 to 64 letters, digits or _ . @ -.")
    return user


class CallerRoute(Route):
    """Routes that ask who calls: a new anonymous caller is given his cookie."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and _NEW in scope:
                message["headers"] = [*message["headers"], (b"set-cookie", _cookie(scope[_NEW]))]
            await send(message)

        await super().handle(scope, receive, send_cookie)


def _anonymous(request: Request) -> str:
    known = request.cookies.get(COOKIE, "")
    if _USER.fullmatch(known):
        return known
    user: str = request.scope.setdefault(_NEW, f"anon-{secrets.token_hex(8)}")
    return user


def _cookie(user: str) -> bytes:
    age = f"Max-Age={COOKIE_SECONDS}"
    return f"{COOKIE}={user}; Path=/; {age}; HttpOnly; SameSite=Lax".encode()


def _check_name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise BadRequest(f"A name is 1 to {MAX_NAME_LENGTH} printable characters.")
    return name
