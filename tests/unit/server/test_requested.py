"""What a request asks for, by its headers and its parameters alone."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from tidewire.errors import BadRequest, UnsupportedMediaType
from tidewire.server.requested import (
    charset,
    check_coding,
    check_reading,
    content_type,
    read_json,
    requested_cursor,
    requested_dialect,
    requested_key,
    requested_mode,
    requested_since,
    requested_wait,
)


def asked(query: str = "", body: bytes = b"", **headers: str) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    fields = [(name.replace("_", "-").encode(), said.encode()) for name, said in headers.items()]
    scope = {"type": "http", "query_string": query.encode(), "headers": fields}
    return Request(scope, receive)


def test_the_dialect_of_the_url_goes_before_that_of_the_header() -> None:
    assert requested_dialect(asked()).name == "native"
    assert requested_dialect(asked(tidewire_dialect="d")).name == "d"
    assert requested_dialect(asked("dialect=chunk", tidewire_dialect="d")).name == "chunk"
    with pytest.raises(BadRequest, match="no dialect 'x'"):
        requested_dialect(asked("dialect=x"))


def test_a_stream_is_pushed_or_where_it_can_be_polled() -> None:
    assert requested_mode(asked()) == requested_mode(asked("mode=sse&dialect=ai-sdk")) == "sse"
    assert requested_mode(asked("mode=poll&wait=1")) == "poll"
    assert requested_mode(asked("wait=99")) == "sse"  # of which it says nothing


@pytest.mark.parametrize(
    "query", ["mode=push", "mode=", "mode=poll&dialect=ai-sdk", "mode=poll&wait=99", "from=end"]
)
def test_what_cannot_be_read_so_is_refused(query: str) -> None:
    with pytest.raises(BadRequest):
        check_reading(asked(query))


def test_how_long_a_poll_may_wait() -> None:
    waits = [requested_wait(asked(query)) for query in ("", "wait=0", "wait=1.5", "wait=55")]
    assert waits == [25.0, 0.0, 1.5, 55.0]


@pytest.mark.parametrize("wait", ["-0.1", "55.1", "nan", "inf", "long", ""])
def test_a_wait_that_is_none_is_refused_with_the_most_there_is(wait: str) -> None:
    with pytest.raises(BadRequest, match="'wait' is 0 to 55 seconds"):
        requested_wait(asked(f"wait={wait}"))


def test_a_run_is_read_from_its_start_unless_it_is_asked_otherwise() -> None:
    assert (requested_since(asked()), requested_since(asked("from=now"))) == ("start", "now")


def test_the_cursor_of_the_header_goes_before_that_of_the_url() -> None:
    assert requested_cursor(asked("last_event_id=a-1", last_event_id="b-2")) == "b-2"
    assert requested_cursor(asked("last_event_id=a-1", last_event_id="")) == "a-1"
    for nothing in ("", "-1"):
        assert requested_cursor(asked(f"last_event_id={nothing}")) is None
        assert requested_cursor(asked(last_event_id=nothing)) is None
    assert requested_cursor(asked()) is None


def test_what_the_body_is_said_to_be() -> None:
    assert content_type(asked(content_type="Text/Plain ; charset=x")) == "text/plain"
    assert content_type(asked()) == ""


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("text/plain", "utf-8"),
        ("text/plain; charset=", "utf-8"),
        ('text/plain; Charset="Latin-1" ; format=flowed', "latin-1"),
    ],
)
def test_the_charset_is_the_one_that_is_said_or_utf_8(said: str, meant: str) -> None:
    assert charset(asked(content_type=said)) == meant
    assert charset(asked()) == "utf-8"


async def test_a_body_is_read_as_the_type_that_is_wanted() -> None:
    assert await read_json(asked(body=b'{"a":[1]}', content_encoding="Identity")) == {"a": [1]}
    assert await read_json(asked(body=b"[1]"), list[int]) == [1]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b'["a"]', "does not fit: Expected `int`"),
        (b"[1", "is not valid JSON"),
        (b'["\xff"]', "is not valid JSON"),
        (b"[" * 9999, "is nested too deeply"),
    ],
    ids=["type", "cut", "latin", "deep"],
)
async def test_a_body_that_cannot_be_read_is_refused(body: bytes, complaint: str) -> None:
    with pytest.raises(BadRequest, match=complaint):
        await read_json(asked(body=body), list[int] if complaint.startswith("does") else Any)


async def test_a_compressed_body_is_not_looked_at() -> None:
    check_coding(asked())
    with pytest.raises(UnsupportedMediaType):
        await read_json(asked(body=b"{}", content_encoding="gzip"))


def test_a_key_has_a_length() -> None:
    assert requested_key(asked()) is None
    for key in ("k", "k" * 255):
        assert requested_key(asked(idempotency_key=key)) == key
    for key in ("", "k" * 256):
        with pytest.raises(BadRequest, match="1 to 255"):
            requested_key(asked(idempotency_key=key))
