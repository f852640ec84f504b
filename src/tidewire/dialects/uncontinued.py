"""For clients that know no cursor: what to tell them when their answer cannot go on.

They ask for no middle and return to none. Where another reader is told that its place
is lost (``stream.reset``), or to come back later, these get the failure of their
protocol: it ends their reading, and the next one begins at the start. Anything else
would pass a part of the answer off as the whole.
"""

from __future__ import annotations

from abc import abstractmethod

import msgspec

from tidewire.dialects.base import Dialect

__all__ = ["Uncontinued"]


class _Reset(msgspec.Struct):
    reason: str


class Uncontinued(Dialect):
    """A dialect fills in ``failure``. Its first bytes are a comment without a blank line."""

    def opening(self, cursor: str | None) -> bytes:
        return b": tidewire\n"

    def control(self, type: str, cursor: str | None, data: str) -> bytes:
        if type != "stream.reset":
            return b""
        reason = msgspec.json.decode(data, type=_Reset).reason
        message = f"The answer cannot be continued here ({reason}); read it from the start."
        return self.failure("stream_reset", message).encode()

    def farewell(self, retry_milliseconds: int) -> bytes:
        message = "The connection ends before the answer; read it again in a moment."
        return self.failure("connection_ended", message).encode()

    @abstractmethod
    def failure(self, code: str, message: str) -> str:
        """A failure of the connection, in the words of the protocol."""
