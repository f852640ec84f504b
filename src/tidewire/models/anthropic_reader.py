"""Reading Anthropic's message stream into answer events.

The pure half of models/anthropic.py. The vendor opens and closes its own blocks; text
blocks that follow one another are one part here, because a new one begins with every
citation, in the middle of a sentence. Tools that the vendor runs itself are calls with
a result. ``ping`` and unknown events, blocks and deltas say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from tidewire.answers.events import AnswerEvent, ToolResult, Usage
from tidewire.models.reader import StreamReader

__all__ = ["REDACTED", "Reader"]

REDACTED: Final = "redacted:"
"""Begins the signature of a thought that the vendor has hidden; the rest is its data."""

_CALLS: Final = ("tool_use", "server_tool_use", "mcp_tool_use")


class _Citation(msgspec.Struct, gc=False):
    url: str | None = None
    source: str | None = None
    title: str | None = None
    document_title: str | None = None
    document_index: int | None = None
    cited_text: str | None = None


class _Block(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Any = None
    tool_use_id: str | None = None
    content: Any = None


class _Delta(msgspec.Struct, gc=False):
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    citation: _Citation | None = None
    stop_reason: str | None = None


class _OutputDetails(msgspec.Struct, gc=False):
    thinking_tokens: int | None = None


class _Usage(msgspec.Struct, gc=False):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens_details: _OutputDetails | None = None


class _Message(msgspec.Struct, gc=False):
    usage: _Usage | None = None


class _Event(msgspec.Struct, gc=False):
    type: str
    index: int = 0
    delta: _Delta | None = None
    content_block: _Block | None = None
    message: _Message | None = None
    usage: _Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Event).decode
_KNOWN: Final = (
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "error",
)


class Reader(StreamReader):
    """See StreamReader. ``terminated``: ``message_stop`` was seen."""

    reasons = {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "tool_use": "tool_calls",
        "refusal": "content_filter",
    }

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__(secrets)
        self._signature = ""
        self._counted = _Usage()

    def feed(self, data: str) -> list[AnswerEvent]:
        event = self._known(_decode, data, _KNOWN)
        return self._read(event) if event is not None else []

    def _read(self, event: _Event) -> list[AnswerEvent]:
        if event.type == "content_block_delta" and event.delta is not None:
            return self._delta(event.index, event.delta)
        if event.type == "content_block_start" and event.content_block is not None:
            return self._begin(event.index, event.content_block)
        if event.type == "content_block_stop":
            return self._end_block(event.index)
        if event.type == "message_start" and event.message is not None:
            self._count(event.message.usage)
        elif event.type == "message_delta":
            return self._message_delta(event)
        elif event.type == "message_stop":
            self.complete = self.terminated = True
        elif event.type == "error":
            raise self._error(event.error)
        return []

    def _begin(self, index: int, block: _Block) -> list[AnswerEvent]:
        if block.type == "text":
            return self._parts.text(block.text or "")
        if block.type == "thinking":
            closing = self._parts.close()
            self._signature = block.signature or ""
            return closing + self._parts.reasoning(block.thinking or "")
        if block.type == "redacted_thinking":
            return self._parts.close() + self._parts.sign(
                self._signed(REDACTED + (block.data or ""))
            )
        if block.type in _CALLS:
            return self._begin_call(index, block)
        if block.tool_use_id:
            return [*self._parts.close(), ToolResult(block.tool_use_id, block.content)]
        return []

    def _begin_call(self, index: int, block: _Block) -> list[AnswerEvent]:
        arguments = msgspec.json.encode(block.input).decode() if block.input else None
        return self._fragment(index, block.id, block.name, arguments)

    def _delta(self, index: int, delta: _Delta) -> list[AnswerEvent]:
        if delta.text:
            return self._parts.text(delta.text)
        if delta.thinking:
            return self._parts.reasoning(delta.thinking)
        if delta.partial_json:
            return self._tools.fragment(index, id=None, name=None, arguments=delta.partial_json)
        if delta.citation is not None:
            return self._cite(delta.citation)
        self._signature += delta.signature or ""
        return []

    def _end_block(self, index: int) -> list[AnswerEvent]:
        signature, self._signature = self._signature, ""
        if signature:
            return self._parts.sign(self._signed(signature))
        return self._tools.end(index)

    def _cite(self, citation: _Citation) -> list[AnswerEvent]:
        title = citation.title or citation.document_title
        document = citation.source
        if document is None and citation.document_index is not None:
            document = title or f"document {citation.document_index + 1}"
        return self._sources.cite(
            url=citation.url, document=document, title=title, quote=citation.cited_text
        )

    def _message_delta(self, event: _Event) -> list[AnswerEvent]:
        self._count(event.usage)
        if event.delta is None or not event.delta.stop_reason:
            return []
        return self._finish(event.delta.stop_reason)

    def _count(self, usage: _Usage | None) -> None:
        """Counts are cumulative; what is not said again still holds.

        What was read from or written to the cache is not in the vendor's input_tokens.
        """
        if usage is None:
            return
        counted = self._counted
        for name in _Usage.__struct_fields__:
            if (count := getattr(usage, name)) is not None:
                setattr(counted, name, count)
        cached = counted.cache_read_input_tokens or 0
        written = counted.cache_creation_input_tokens or 0
        details = counted.output_tokens_details
        self.usage = Usage(
            input_tokens=(counted.input_tokens or 0) + cached + written,
            output_tokens=counted.output_tokens or 0,
            reasoning_tokens=(details.thinking_tokens or 0) if details else 0,
            cached_tokens=cached,
        )
