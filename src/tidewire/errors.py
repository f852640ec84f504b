"""Every error Tidewire raises on purpose, in one tree.

TidewireError
├── WireError               bytes or fields that are not valid SSE
│   ├── InvalidField        a name or id that cannot be written (CR, LF, NUL)
│   ├── InvalidCursor       a cursor that cannot be read
│   └── TooLarge            a line, event or body over its limit
├── LogError                the log refused or failed
│   ├── StreamNotFound      no such stream
│   ├── StreamGone          the stream was deleted or has expired
│   ├── StreamClosed        an append after the close
│   ├── Fenced              an append by a producer that lost its lease
│   └── LogUnavailable      storage failed: disk full, locked, corrupt, away
├── ModelError              the model API failed (the peer's fault)
│   ├── UpstreamRefused     an HTTP status other than 200
│   ├── UpstreamUnreachable no connection, or it broke before any answer
│   ├── UpstreamTimeout     silent for too long
│   ├── UpstreamBroken      it ended in the middle or sent garbage
│   └── UpstreamTooLarge    an answer, line or event over its limit
├── RequestError            the caller's fault
│   ├── BadRequest, Forbidden, NotFound, Conflict, RateLimited …
├── ServerRefused           what the Python client meets at a server
└── ConfigError             settings that cannot work

Each class has a stable wire ``code``, an HTTP ``status`` and says whether trying
again can help (``retryable``). ``str(error)`` is written for a person and is safe
to show to a client: it never holds another exception's text, a path or a secret.
This module imports nothing of ours.
"""

from __future__ import annotations

__all__ = [
    "BadRequest", "ConfigError", "Conflict", "Fenced", "Forbidden", "HostNotAllowed",
    "InvalidCursor", "InvalidField", "LogError", "LogUnavailable", "ModelError", "NotFound",
    "OriginNotAllowed", "RateLimited", "RequestError", "RequestTooLarge", "ServerRefused",
    "ShuttingDown", "StreamClosed", "StreamGone", "StreamNotFound", "TidewireError", "TooLarge",
    "Unauthorized", "UnsupportedMediaType", "UpstreamBroken", "UpstreamRefused",
    "UpstreamTimeout", "UpstreamTooLarge", "UpstreamUnreachable", "WireError",
]  # fmt: skip


class TidewireError(Exception):
    """The root: catch this to catch everything Tidewire raises on purpose."""

    code = "internal"
    status = 500
    retryable = False
    retry_after_seconds: float | None = None


class WireError(TidewireError):
    code = "bad_wire"
    status = 400


class InvalidField(WireError, ValueError):
    """An SSE field value that would break the framing (CR, LF or NUL)."""

    code = "invalid_field"


class InvalidCursor(WireError, ValueError):
    """A cursor outside its alphabet, length or form."""

    code = "invalid_cursor"


class TooLarge(WireError):
    """A line or event over the parser's or writer's limit."""

    code = "too_large"
    status = 413


class LogError(TidewireError):
    code = "log_error"


class StreamNotFound(LogError):
    code = "not_found"
    status = 404


class StreamGone(LogError):
    code = "gone"
    status = 410


class StreamClosed(LogError):
    code = "closed"
    status = 409


class Fenced(LogError):
    """Another process has taken over this stream; this producer must stop."""

    code = "fenced"
    status = 409


class LogUnavailable(LogError):
    code = "log_unavailable"
    status = 503
    retryable = True
    retry_after_seconds = 5.0


class ModelError(TidewireError):
    """The model API failed. ``upstream_status`` is its HTTP status, where it gave one."""

    code = "upstream_error"
    status = 502
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        upstream_status: int | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.upstream_status = upstream_status
        self.retry_after_seconds = retry_after_seconds


class UpstreamRefused(ModelError):
    """The model API answered with a status other than 200; that status is passed on."""

    code = "upstream_refused"

    def __init__(
        self,
        message: str,
        *,
        upstream_status: int,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(
            message, upstream_status=upstream_status, retry_after_seconds=retry_after_seconds
        )
        self.code = _REFUSALS.get(upstream_status, "upstream_refused")
        self.status = upstream_status if 400 <= upstream_status <= 599 else 502
        self.retryable = upstream_status in (408, 409, 425, 429) or upstream_status >= 500


_REFUSALS = {
    401: "upstream_unauthorized",
    403: "upstream_forbidden",
    404: "upstream_not_found",
    429: "upstream_rate_limited",
    529: "upstream_overloaded",
}


class UpstreamUnreachable(ModelError):
    code = "upstream_unreachable"


class UpstreamTimeout(ModelError):
    code = "upstream_timeout"
    status = 504


class UpstreamBroken(ModelError):
    code = "upstream_broken"


class UpstreamTooLarge(ModelError):
    code = "upstream_too_large"
    retryable = False


class RequestError(TidewireError):
    code = "bad_request"
    status = 400


class BadRequest(RequestError):
    pass


class Unauthorized(RequestError):
    """The call carries no token, or one that opens nothing here."""

    code = "unauthorized"
    status = 401


class Forbidden(RequestError):
    """Who calls is known, and may not do this."""

    code = "forbidden"
    status = 403


class OriginNotAllowed(RequestError):
    """The call comes from a web page of another origin, which `[cors]` does not list."""

    code = "origin_not_allowed"
    status = 403


class HostNotAllowed(RequestError):
    """A browser calls the server by a name that is not its own, nor in `allowed_hosts`."""

    code = "host_not_allowed"
    status = 421


class NotFound(RequestError):
    code = "not_found"
    status = 404


class Conflict(RequestError):
    """The call does not fit the state that things are in."""

    code = "conflict"
    status = 409


class RequestTooLarge(RequestError):
    code = "too_large"
    status = 413


class UnsupportedMediaType(RequestError):
    """The body is of a kind that the call does not take."""

    code = "unsupported_media_type"
    status = 415


class RateLimited(RequestError):
    """Too many calls, or too many answers at a time."""

    code = "rate_limited"
    status = 429
    retryable = True

    def __init__(self, message: str, *, retry_after_seconds: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ShuttingDown(RequestError):
    """The server is draining; another one, or this one in a moment, will answer."""

    code = "shutting_down"
    status = 503
    retryable = True
    retry_after_seconds = 2.0


class ServerRefused(TidewireError):
    """The Python client's word for a server that answers, but not with the stream.

    ``code`` is the server's own, where it gave one.
    """

    code = "server_refused"

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code or self.code
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class ConfigError(TidewireError):
    """Settings that cannot work. The message names the setting and the remedy."""

    code = "config"
