"""Routes whose errors are responses, in any app: of the shape that their path is to have."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Scope, Send

from tidewire.errors import BadRequest, TidewireError, UnsupportedMediaType
from tidewire.server.mistakes import complaint, known_names
from tidewire.server.refusals import error_response, refuse_at
from tidewire.server.requested import content_type, read_json

__all__ = [
    "ANSWER",
    "SSE",
    "LeanRoute",
    "Route",
    "answer_errors",
    "answer_http_error",
]

SSE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The stream.", "content": {"text/event-stream": {}}}
}
"""What the API page says of a route that streams."""

ANSWER: dict[int | str, dict[str, Any]] = {
    **SSE,
    204: {"description": "Nothing comes after the cursor."},
}
"""And of one that streams what comes to an end."""

REFUSED: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "What is wrong, in the words of this API."}
}
"""And of every route of ours; the framework would promise refusals of its own."""

MAX_SHOWN = 128
"""Characters of a name in the request that its refusal repeats."""
SEND_JSON = "Send JSON, and say so: 'Content-Type: application/json'."


class Route(APIRoute):
    """Turns TidewireError and validation errors into refusals (refusals.py)."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        responses = {**REFUSED, **(options.pop("responses", None) or {})}
        super().__init__(path, endpoint, responses=responses, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            refuse = refuse_at(request.scope)
            try:
                return await handle(_JsonRequest(request.scope, request.receive))
            except TidewireError as exc:
                return refuse(exc)
            except RequestValidationError as exc:
                return refuse(self._refusal(request, exc.errors()))
            except HTTPException as exc:
                if isinstance(exc.__cause__, TidewireError):  # raised while the body was read
                    return refuse(exc.__cause__)
                raise

        return answer

    def _refusal(self, request: Request, errors: Sequence[Any]) -> TidewireError:
        """What the framework found wrong. It does not read a body that is not called JSON."""
        if errors[0]["loc"] == ("body",) and not _is_json(request):
            return UnsupportedMediaType(SEND_JSON)
        return self._wrong(errors)

    def _wrong(self, errors: Sequence[Any]) -> BadRequest:
        """The first thing that is wrong, and what is allowed there."""
        first = errors[0]
        source, *path = first["loc"]
        place = ".".join(map(str, path))[:MAX_SHOWN] or f"The {source}"
        if first["type"] == "extra_forbidden" and self.body_field is not None:
            known = known_names(self.body_field.field_info.annotation, path[:-1])
            return BadRequest(f"{place} is not known. Known: {', '.join(known)}.")
        return BadRequest(f"{place}{complaint(first)}.")


class _JsonRequest(Request):
    """Reads JSON strictly: the framework's own takes half a surrogate pair, which nothing can
    store, and an older framework's a body without a type, which any site's page can send."""

    async def json(self) -> Any:
        if not _is_json(self):
            raise UnsupportedMediaType(SEND_JSON)
        return await read_json(self)


class LeanRoute(Route):
    """A route for what is called most: the framework writes its documentation, but takes no
    part in the call, in which it would cost more than all the rest (bench/relay, fanout).

    Its endpoint gets the request, the parameters of its path as text, and the body, if it
    takes one, as the model it asks for. What the query says it reads for itself. Nothing
    else is asked: dependencies of a router that includes it, above all, are not.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        field = self.body_field
        asked: Any = field.field_info.annotation if field else None
        self._validator: TypeAdapter[Any] = TypeAdapter(asked)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        request = _JsonRequest(scope, receive)
        try:
            given = await self._body(request)
            response = await self.endpoint(request, **scope["path_params"], **given)
        except TidewireError as exc:
            response = refuse_at(scope)(exc)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _body(self, request: Request) -> dict[str, Any]:
        field = self.body_field
        if field is None:
            return {}
        try:
            return {field.name: self._validator.validate_python(await request.json())}
        except ValidationError as exc:
            first = exc.errors(include_url=False)[0]
            raise self._wrong([{**first, "loc": ("body", *first["loc"])}]) from None


def _is_json(request: Request) -> bool:
    kind = content_type(request)
    return kind.startswith("application/") and kind.endswith(("/json", "+json"))


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
    headers = dict(exc.headers or {})
    if "Allow" in headers:
        headers["Allow"] = _methods(request.scope) or headers["Allow"]
    return refuse_at(request.scope)(_HttpError(exc), headers=headers)


def _methods(scope: Scope) -> str:
    """What a path may be asked (RFC 9110, 10.2.1): the framework names one route's methods.

    Nothing where no route of ours is: of its files it names all of them.
    """
    routes = [route for route in scope["app"].routes if isinstance(route, StarletteRoute)]
    found = [route.methods or () for route in routes if route.matches(scope)[0] != Match.NONE]
    return ", ".join(sorted(set().union(*found)))


class _HttpError(TidewireError):
    def __init__(self, exc: HTTPException) -> None:
        super().__init__(f"{exc.detail}.")
        self.code = HTTPStatus(exc.status_code).name.lower()
        self.status = exc.status_code
