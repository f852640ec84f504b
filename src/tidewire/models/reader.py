"""What the readers of all model APIs have in common.

A reader is the pure half of an adapter: the data of its stream's events in, answer
events out. It does no I/O, and closes no parts when it raises: the run does that.

A vendor's reader says how its chunks are formed and which of their fields mean what. The
steps from there to answer events are here: a call ends the text before it, a reason is
put into our words, a proof is signed for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

import msgspec

from tidewire.answers.events import AnswerEvent, Usage
from tidewire.errors import ModelError, UpstreamBroken
from tidewire.models.halves import Halves
from tidewire.models.parts import Parts, Sources, ToolCalls
from tidewire.models.refusal import in_stream_error
from tidewire.models.shapes import ToolCall
from tidewire.models.signatures import signed

__all__ = ["StreamReader"]

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
    reasons: ClassVar[Mapping[str, str]]
    """The vendor's reasons for an end in the words of Finish; any other is ``other``."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.complete = False
        self.terminated = False
        self.reason = "other"
        self.usage: Usage | None = None
        self._called = False  # for vendors that do not say so at the end
        self._refused = False
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

    def _known(self, decode: Callable[[str], T], data: str, types: Iterable[str]) -> T | None:
        """An event of one of these types; None for one of any other.

        Vendors add types, whose fields may have our names and other meanings.
        """
        try:
            return self._decode(decode, data)
        except UpstreamBroken:
            if _type_of(data) in (None, *types):
                raise
            return None

    def _fragments(self, calls: Iterable[ToolCall]) -> list[AnswerEvent]:
        """Pieces of calls, told apart by their index or, without one, by their place."""
        events: list[AnswerEvent] = []
        for position, call in enumerate(calls):
            if (function := call.function) is not None:
                slot = position if call.index is None else call.index
                events += self._fragment(slot, call.id, function.name, function.arguments)
                if (proof := call.proof) is not None:
                    self._tools.sign(slot, self._signed(proof))
        return events

    def _fragment(
        self, slot: Hashable, id: str | None, name: str | None, arguments: str | None
    ) -> list[AnswerEvent]:
        """A piece of a call; when it is more than nothing, what was said before is over."""
        fragment = self._tools.fragment(slot, id=id, name=name, arguments=arguments)
        return self._parts.close() + fragment if fragment else []

    def _whole_call(
        self, name: str, input: Any, *, id: str | None = None, signature: str | None = None
    ) -> list[AnswerEvent]:
        """A call in one piece, ``input`` its arguments; None is none of them."""
        arguments = {} if input is None else input
        call = self._tools.whole(name, arguments, id=id, signature=signature)
        return self._parts.close() + call

    def _finish(self, theirs: str) -> list[AnswerEvent]:
        """The end, for a reason in the vendor's words."""
        reason = self.reasons.get(theirs, "other")
        if self._refused:
            reason = "content_filter"
        elif self._called and reason == "stop":
            reason = "tool_calls"
        return self._finish_as(reason)

    def _finish_as(self, reason: str) -> list[AnswerEvent]:
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


def _type_of(data: str) -> str | None:
    """The ``type`` of a chunk that could not be decoded; None if it is no such thing."""
    try:
        return _decode_type(data).type
    except (msgspec.DecodeError, RecursionError):
        return None
