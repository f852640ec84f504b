"""uvicorn's HTTP/1.1 protocol, with the transport offered to the app.

Once a response head is out, ``scope["extensions"]["tidewire.direct"]`` lets the hub
write chunks to the transport without a task or a queue in between (live/sinks.py), and
keep the response when the app has returned. The head still goes by plain ASGI, and
everything else of uvicorn – keep-alive, pipelining, access log, shutdown – stays as it is;
but a head without end, for which it has no limit, is refused, and a stream over HTTP/1.0,
which knows no chunks (RFC 9112, 6.1), is sent without them and ends with its connection.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import is_ssl

from tidewire.errors import RequestTooLarge
from tidewire.live.sinks import EXTENSION, STALLED_SECONDS, DirectSink

__all__ = ["FITS", "TidewireProtocol"]

LAST_CHUNK = b"0\r\n\r\n"
MAX_HEAD_BYTES = 65_536
_TOO_LARGE = {
    "code": RequestTooLarge.code,
    "message": f"The head of a request may have {MAX_HEAD_BYTES} bytes.",
    "retryable": False,
}
_REFUSAL = json.dumps({"error": _TOO_LARGE}).encode()
HEAD_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(_REFUSAL), _REFUSAL)
)

_STEPS = {"on_message_begin", "on_headers_complete", "on_body", "on_message_complete"}
_CONNECTION = {"cycle", "flow", "headers", "on_response_complete", "pipeline", "scope", "transport"}
_RESPONSE = {
    "chunked_encoding", "disconnected", "keep_alive", "message_event", "response_complete",
    "response_started", "scope",
}  # fmt: skip


def _has(kind: Any, names: set[str]) -> bool:
    """Whether a class has them: as its methods, or because its ``__init__`` sets them."""
    made = getattr(kind.__init__, "__code__", None)
    return names <= {*dir(kind), *(made.co_names if made is not None else ())}


FITS = (
    _has(HttpToolsProtocol, _STEPS | _CONNECTION)
    and _has(RequestResponseCycle, _RESPONSE)
    and _has(FlowControl, {"write_paused"})
)
"""False for a uvicorn that is built otherwise: it is used as it is (serve.py)."""


class TidewireProtocol(HttpToolsProtocol):
    """One connection; a DirectTransport to the response that is being sent on it."""

    _answering: RequestResponseCycle
    """The request that is being answered; ``cycle`` may be one that waits behind it."""
    _sink: DirectSink | None = None
    _unfinished_bytes: int = 0
    """What has come since a head was whole or a piece of a body was there."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.limit_unacknowledged(STALLED_SECONDS)

    def data_received(self, data: bytes) -> None:
        self._unfinished_bytes += len(data)
        super().data_received(data)
        if self._unfinished_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse_head()

    def _refuse_head(self) -> None:
        """Of a head, or of trailers: then an answer may be on its way, and is cut off."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(HEAD_TOO_LARGE)
        self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: {"transport": self}}

    def on_body(self, body: bytes) -> None:
        self._unfinished_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished_bytes = 0
        super().on_message_complete()

    def on_headers_complete(self) -> None:
        self._unfinished_bytes = 0
        super().on_headers_complete()
        if not self.pipeline:
            self._answering = self.cycle

    def on_response_complete(self) -> None:
        if self.pipeline:
            self._answering, _ = self.pipeline[-1]
        super().on_response_complete()

    def attach(self, sink: DirectSink) -> None:
        if self.transport.is_closing():  # it left before the head was sent
            sink.lose()
            return
        # One of TLS pauses when that much is pending, any other when more than that is.
        self.transport.set_write_buffer_limits(high=int(is_ssl(self.transport)))
        self._sink = sink
        if self.parser.get_http_version() == "1.0":
            sink.chunked = self._answering.chunked_encoding = False
        if self.flow.write_paused:
            sink.pause()

    def detach(self) -> None:
        self._sink = None
        if not self._answering.response_started:  # what is sent instead says how long it is
            self._answering.chunked_encoding = None
        if not self.transport.is_closing():
            self.transport.set_write_buffer_limits()

    @property
    def write(self) -> Callable[[bytes], None]:
        return self.transport.write

    @property
    def socket(self) -> int | None:
        if self.transport.is_closing() or is_ssl(self.transport):
            return None
        descriptor: int = self.transport.get_extra_info("socket").fileno()
        return descriptor

    @property
    def is_answering(self) -> bool:
        return self._answering.response_started

    def keep(self) -> None:
        # To uvicorn the response is as good as cut off: it awaits nothing more of the app,
        # and holds a request that is pipelined behind this one until ``finish``.
        cycle = self._answering
        cycle.disconnected = True
        if self.scope is cycle.scope:  # no other request has begun to come in
            self.scope, self.headers = None, []  # type: ignore[assignment]
        cycle.scope = None  # type: ignore[assignment]

    def finish(self) -> None:
        if self.transport.is_closing():
            return
        if self._answering.chunked_encoding:
            self.transport.write(LAST_CHUNK)
        self._answering.response_complete = True
        if not self._answering.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def pending_bytes(self) -> int:
        return self.transport.get_write_buffer_size()

    def abort(self) -> None:
        self.transport.abort()

    def limit_unacknowledged(self, seconds: float) -> None:
        """Has the kernel drop a peer that acknowledges nothing for so long (Linux, tcp(7))."""
        sock: socket.socket | None = self.transport.get_extra_info("socket")
        option = getattr(socket, "TCP_USER_TIMEOUT", None)
        if option is not None and sock is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1000))

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._sink is not None:
            self._sink.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._sink is not None:
            self._sink.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.pipeline:  # only the request that came last was told
            self._answering.disconnected = True
            self._answering.message_event.set()
        if self._sink is not None:
            self._sink.lose()
