"""Counting tokens when the vendor does not.

Model APIs report usage at the end, so an answer that was stopped or broke off, or
that comes from a server without usage, has none. A ``Meter`` watches the answer pass
and knows at any moment what was used: the vendor's own figures once they have come,
an estimate until then. Whoever ends an answer early (runs/) asks it. Pure.
"""

from __future__ import annotations

from tidewire.answers.events import AnswerEvent, ReasoningDelta, TextDelta, ToolArgs, Usage
from tidewire.models.base import ChatRequest
from tidewire.wire.event import utf8_size

__all__ = ["Meter", "estimate_tokens"]

_BYTES_PER_TOKEN = 4
_TOKENS_PER_MESSAGE = 4


def estimate_tokens(text: str) -> int:
    """About how many tokens ``text`` is, for any language: a token per four UTF-8 bytes.

    That is four letters of English, two of Cyrillic, three quarters of a token per
    Chinese character and one per emoji: within a third of what current tokenizers
    count for prose. Never zero for a text that is not empty.
    """
    return _tokens(utf8_size(text))


class Meter:
    """What one answer has used so far. Feed it every event the adapter yields."""

    def __init__(self, request: ChatRequest) -> None:
        self.output_bytes = 0
        """UTF-8 bytes of everything the model has said, reasoning included."""
        self._request = request
        self._reported: Usage | None = None
        self._reasoning_bytes = 0

    def add(self, event: AnswerEvent) -> None:
        """Counts one event; a vendor's ``Usage`` replaces the estimate."""
        kind = type(event)
        if kind is TextDelta or kind is ToolArgs:  # nearly every event
            self.output_bytes += utf8_size(event.delta)  # type: ignore[attr-defined]
        elif kind is ReasoningDelta:
            size = utf8_size(event.delta)  # type: ignore[attr-defined]
            self.output_bytes += size
            self._reasoning_bytes += size
        elif isinstance(event, Usage):
            self._reported = event

    @property
    def is_reported(self) -> bool:
        """True if the vendor has said what was used."""
        return self._reported is not None

    def usage(self) -> Usage:
        """The vendor's usage if it came, otherwise an estimate marked as one."""
        if self._reported is not None:
            return self._reported
        return Usage(
            input_tokens=_input_tokens(self._request),
            output_tokens=_tokens(self.output_bytes),
            reasoning_tokens=_tokens(self._reasoning_bytes),
            estimated=True,
        )


def _input_tokens(request: ChatRequest) -> int:
    """Every message costs its text and a few tokens of framing, as vendors count it.

    Pictures and tools are left out: what they cost differs tenfold between vendors.
    """
    return sum(estimate_tokens(message.text) + _TOKENS_PER_MESSAGE for message in request.messages)


def _tokens(utf8_bytes: int) -> int:
    return -(-utf8_bytes // _BYTES_PER_TOKEN)
