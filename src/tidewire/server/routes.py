"""Routes whose errors are responses, in any app: of the shape that their path is to have."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tidewire.errors import BadRequest, TidewireError
from tidewire.server.refusals import refuse_at
from tidewire.server.respond import error_response

__all__ = ["SSE", "Route", "answer_errors", "answer_http_error", "requested_key"]

SSE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The stream.", "content": {"text/event-stream": {}}}
}
"""What the API page says of a route that streams."""


class Route(APIRoute):
    """Turns TidewireError and validation errors into refusals (refusals.py)."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            refuse = refuse_at(request.scope)
            try:
                return await handle(request)
            except TidewireError as exc:
                return refuse(exc)
            except RequestValidationError as exc:
                return refuse(BadRequest(_explain(exc)))
            except HTTPException as exc:
                if isinstance(exc.__cause__, TidewireError):  # raised while the body was read
                    return refuse(exc.__cause__)
                raise

        return answer


def requested_key(request: Request) -> str | None:
    """The ``Idempotency-Key``, if there is one. Raises BadRequest."""
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= 255:
        raise BadRequest("An Idempotency-Key has 1 to 255 characters.")
    return key


def answer_errors(app: Starlette) -> None:
    """Has the app answer every TidewireError in our shape, in the builder's routes, too."""
    app.add_exception_handler(TidewireError, _answer)
    # A lifespan runs when the middleware is built already; the next request rebuilds it.
    app.middleware_stack = None


async def _answer(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, TidewireError)
    return error_response(exc)


async def answer_http_error(request: Request, exc: Exception) -> Response:
    """The framework's own refusals, 404 and 405 above all, in the shape of their path."""
    assert isinstance(exc, HTTPException)
    headers = [(name.encode(), value.encode()) for name, value in (exc.headers or {}).items()]
    return refuse_at(request.scope)(_HttpError(exc), headers=headers)


class _HttpError(TidewireError):
    def __init__(self, exc: HTTPException) -> None:
        super().__init__(f"{exc.detail}.")
        self.code = HTTPStatus(exc.status_code).name.lower()
        self.status = exc.status_code


def _explain(exc: RequestValidationError) -> str:
    """The first thing that is wrong, and where."""
    first = exc.errors()[0]
    if first["type"] == "json_invalid":
        return "The body is not valid JSON."
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}."
