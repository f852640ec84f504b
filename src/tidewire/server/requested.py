"""What a request asks for, wherever in it that stands: dialect, cursor, key, body.

Owns the names of headers and parameters that mean the same to every route, and what is
refused of them. Never looks at the path.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request

from tidewire.dialects import find_dialect
from tidewire.dialects.base import Dialect
from tidewire.errors import BadRequest, UnsupportedMediaType
from tidewire.live.start import check_since
from tidewire.wire import depth

__all__ = [
    "charset",
    "check_coding",
    "check_reading",
    "content_type",
    "read_json",
    "requested_cursor",
    "requested_dialect",
    "requested_key",
    "requested_mode",
    "requested_since",
    "requested_wait",
]

MAX_DEPTH = 2 * depth.MAX_DEPTH
"""Of a body: what is kept to fewer levels stands in some more there."""
TOO_DEEP = "The body is nested too deeply."
MAX_WAIT_SECONDS = 55.0
DEFAULT_WAIT_SECONDS = 25.0


def requested_dialect(request: Request) -> Dialect:
    """``?dialect=``, or the header ``Tidewire-Dialect``, or native. Raises BadRequest."""
    name = request.query_params.get("dialect") or request.headers.get("tidewire-dialect")
    return find_dialect(name or "native")


def requested_mode(request: Request) -> str:
    """``?mode=``: sse, or poll where the dialect can be read piece by piece. Raises BadRequest."""
    mode = request.query_params.get("mode", "sse")
    if mode not in ("sse", "poll"):
        raise BadRequest("'mode' is sse or poll.")
    dialect = requested_dialect(request)
    if mode == "poll":
        requested_wait(request)
        if not dialect.resumes:
            raise BadRequest(f"The dialect '{dialect.name}' cannot be read piece by piece.")
    return mode


def requested_wait(request: Request) -> float:
    """``?wait=`` of a poll, in seconds. Raises BadRequest."""
    try:
        wait = float(request.query_params.get("wait", DEFAULT_WAIT_SECONDS))
    except ValueError:
        wait = -1.0
    if not 0.0 <= wait <= MAX_WAIT_SECONDS:
        raise BadRequest(f"'wait' is 0 to {MAX_WAIT_SECONDS:g} seconds.")
    return wait


def requested_since(request: Request) -> str:
    """``?from=`` of a run, whose readers begin at its start. Raises BadRequest."""
    return check_since(request.query_params.get("from", "start"))


def check_reading(request: Request) -> None:
    """Raises BadRequest if a run could not be written as the request asks for."""
    requested_mode(request)
    requested_since(request)


def requested_cursor(request: Request) -> str | None:
    """``Last-Event-ID``, or ``?last_event_id=`` for clients that cannot set headers.

    The header goes first: an EventSource that reconnects repeats its first URL.
    """
    cursor = request.headers.get("last-event-id") or request.query_params.get("last_event_id")
    return None if cursor in (None, "", "-1") else cursor


def content_type(request: Request) -> str:
    """Of the body, without its parameters; empty if it is not said."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def charset(request: Request) -> str:
    """Of the body, as it is said; else it is UTF-8."""
    said = request.headers.get("content-type", "").lower().partition("charset=")[2]
    return said.partition(";")[0].strip(' "') or "utf-8"


def check_coding(request: Request) -> None:
    """Raises UnsupportedMediaType for a body that is compressed: nothing here unpacks one."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the body as it is, without a Content-Encoding.")


async def read_json(request: Request, type: Any = Any) -> Any:
    """The body as ``type``. Raises BadRequest, UnsupportedMediaType."""
    check_coding(request)
    try:
        body = msgspec.json.decode(await request.body(), type=type)
    except msgspec.ValidationError as exc:
        raise BadRequest(f"The body does not fit: {exc}.") from exc
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadRequest("The body is not valid JSON.") from None
    except RecursionError:
        raise BadRequest(TOO_DEEP) from None
    if depth.is_too_deep(body, MAX_DEPTH):
        raise BadRequest(TOO_DEEP)
    return body


def requested_key(request: Request) -> str | None:
    """The ``Idempotency-Key``, if there is one. Raises BadRequest."""
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= 255:
        raise BadRequest("An Idempotency-Key has 1 to 255 characters.")
    return key
