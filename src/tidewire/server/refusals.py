"""How each API says no: the shapes of its errors, and which of them a path is to have.

A program made for another API is refused in that API's words, before any route runs as
well as in it: only so does its SDK raise what the program catches. Everywhere else an
error is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Scope

from tidewire.errors import TidewireError

__all__ = [
    "Headers",
    "Refuse",
    "error_response",
    "refuse_ai_sdk",
    "refuse_anthropic",
    "refuse_at",
    "refuse_openai",
    "route_path",
]

Headers: TypeAlias = Mapping[str, str]

OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}

ANTHROPIC_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class Refuse(Protocol):
    """How an API says no: the error as a response, with its status and ``Retry-After``."""

    def __call__(self, error: TidewireError, *, headers: Headers | None = None) -> Response: ...


def route_path(scope: Scope) -> str:
    """The path as routes have it, in an app that is mounted in another as well.

    Exactly as Starlette finds it: what is routed must be what was looked at before.
    """
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if path.startswith(f"{root}/") else path


def refuse_at(scope: Scope) -> Refuse:
    """How a request to this path is refused.

    ``/v1/models`` is of two APIs; Anthropic's SDKs tell theirs by a header.
    """
    path = route_path(scope)
    if path.startswith("/api/ai-sdk/"):
        return refuse_ai_sdk
    if not path.startswith("/v1/"):
        return error_response
    is_anthropic = any(name == b"anthropic-version" for name, _ in scope["headers"])
    if is_anthropic or path == "/v1/messages" or path.startswith("/v1/messages/"):
        return refuse_anthropic
    return refuse_openai


def error_response(error: TidewireError, *, headers: Headers | None = None) -> Response:
    """Our own shape: ``{"error": {"code", "message", "retryable"}}``."""
    content = {"code": error.code, "message": str(error), "retryable": error.retryable}
    return _refusal(error, JSONResponse({"error": content}), headers)


def refuse_openai(error: TidewireError, *, headers: Headers | None = None) -> Response:
    """An error as OpenAI's SDKs read it."""
    other = "server_error" if error.status >= 500 else "invalid_request_error"
    said = {"message": str(error), "type": OPENAI_TYPES.get(error.status, other)}
    more = {"param": None, "code": error.code, "retryable": error.retryable}
    return _refusal(error, JSONResponse({"error": {**said, **more}}), headers)


def refuse_anthropic(error: TidewireError, *, headers: Headers | None = None) -> Response:
    """An error as Anthropic's SDKs read it."""
    other = "api_error" if error.status >= 500 else "invalid_request_error"
    said = {"type": ANTHROPIC_TYPES.get(error.status, other), "message": str(error)}
    more = {"code": error.code, "retryable": error.retryable}
    content = {"type": "error", "error": {**said, **more}}
    return _refusal(error, JSONResponse(content), headers)


def refuse_ai_sdk(error: TidewireError, *, headers: Headers | None = None) -> Response:
    """An error as the AI SDK shows it: its ``Error.message`` is the body."""
    return _refusal(error, PlainTextResponse(str(error)), headers)


def _refusal(error: TidewireError, response: Response, headers: Headers | None) -> Response:
    """``response``, which says what is wrong, with the error's status and ``headers``."""
    response.status_code = error.status
    response.headers.update(headers or {})
    if error.status == 401:  # RFC 9110, 15.5.2; browsers ask nobody for a bearer token
        response.headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(max(1, round(error.retry_after_seconds)))
    return response
