"""What the readers of all model APIs have in common.

A reader is the pure half of an adapter: the data of its stream's events in, answer
events out. It does no I/O, and closes no parts when it raises: the run does that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from tidewire.answers.events import AnswerEvent, Usage
from tidewire.errors import ModelError, UpstreamBroken
from tidewire.models.halves import Halves
from tidewire.models.parts import Parts, Sources, ToolCalls
from tidewire.models.refusal import in_stream_error
from tidewire.models.signatures import signed

__all__ = ["StreamReader", "type_of"]

T = TypeVar("T")


class StreamReader(ABC):
    """One answer. ``feed`` it the data of every event, then call ``end``.

    ``complete`` turns true when the model has said why it ended: from then on a stream
    that breaks off has lost nothing but, perhaps, its ``usage``. ``terminated``: the
    vendor's own end of the stream was seen; never, where there is none. ``reason`` is
    in the words of Finish, ``usage`` what the vendor counted, if it has said. ``signer``:
    the name under which signatures are stored; without one they stay as they come.
    """

    signer = ""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.complete = False
        self.terminated = False
        self.reason = "other"
        self.usage: Usage | None = None
        self._secrets = tuple(secrets)
        self._halves = Halves()
        self._parts = Parts()
        self._tools = ToolCalls()
        self._sources = Sources()

    @abstractmethod
    def feed(self, data: str) -> list[AnswerEvent]:
        """The events of one chunk, often one, often none.

        Raises UpstreamBroken for what is not a chunk, and the ModelError that fits for
        an error that the vendor reports.
        """

    def comment(self, text: str) -> None:  # noqa: B027 -- most vendors say nothing in them
        """A comment in the stream; it comes before the event that it stands in."""

    def end(self) -> list[AnswerEvent]:
        """The stream is over: closes what is open.

        Raises UpstreamBroken if the answer is not complete.
        """
        if not self.complete:
            raise UpstreamBroken("The model broke off in the middle of its answer.")
        return self._close()

    def _decode(self, decode: Callable[[str], T], data: str) -> T:
        try:
            try:
                return decode(data)
            except msgspec.DecodeError:
                return decode(self._halves.join(data))
        except (msgspec.DecodeError, RecursionError) as exc:
            raise UpstreamBroken("The model API sent something that is not a chunk.") from exc

    def _finish(self, reason: str) -> list[AnswerEvent]:
        self.complete = True
        self.reason = reason
        return self._close()

    def _close(self) -> list[AnswerEvent]:
        return self._parts.close() + self._tools.close()

    def _signed(self, proof: str) -> str:
        return signed(self.signer, proof) if self.signer else proof

    def _error(self, error: Any) -> ModelError:
        return in_stream_error(error, self._secrets)


class _Typed(msgspec.Struct, gc=False):
    type: str


_decode_type = msgspec.json.Decoder(_Typed).decode


def type_of(data: str) -> str | None:
    """The ``type`` of a chunk that could not be decoded; None if it is no such thing.

    Vendors add event types, whose fields may have our names and other meanings.
    """
    try:
        return _decode_type(data).type
    except (msgspec.DecodeError, RecursionError):
        return None
