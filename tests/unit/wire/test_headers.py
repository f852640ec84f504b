"""The head of a stream."""

from __future__ import annotations

from tidewire.wire.headers import STREAM_HEADERS, stream_headers


def test_a_stream_says_what_it_is_and_that_nobody_may_hold_it_back() -> None:
    assert dict(stream_headers()) == {
        b"content-type": b"text/event-stream; charset=utf-8",
        b"cache-control": b"no-cache, no-transform",
        b"x-accel-buffering": b"no",
        b"x-content-type-options": b"nosniff",
    }


def test_names_are_lower_case_as_asgi_and_http_2_want_them() -> None:
    assert all(name == name.lower() for name, _ in STREAM_HEADERS)


def test_more_headers_follow_and_no_list_is_shared() -> None:
    first = stream_headers((b"x-run-id", b"r1"))
    assert first == [*STREAM_HEADERS, (b"x-run-id", b"r1")]
    first.clear()
    assert stream_headers() == list(STREAM_HEADERS)
