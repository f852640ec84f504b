"""Reading OpenAI's response events into answer events.

The pure half of models/openai_responses.py. Of the many events only those are read that
say something new: what ``*.done`` repeats is needed only where no ``*.delta`` came. A
``sequence_number`` is not asked for, since compatible servers leave it out, and unknown
events say nothing. Tools that the vendor runs itself are calls with a result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from tidewire.answers.events import AnswerEvent, File, ToolResult
from tidewire.models.reader import StreamReader
from tidewire.models.shapes import InputDetails, OutputDetails, counted

__all__ = ["Reader"]

_OWN_TOOLS: Final = {
    "web_search_call": "web_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_interpreter",
    "mcp_call": "mcp",
}


class _Annotation(msgspec.Struct, gc=False):
    url: str | None = None
    title: str | None = None
    file_id: str | None = None
    filename: str | None = None


class _Item(msgspec.Struct, gc=False):
    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    encrypted_content: str | None = None
    status: str | None = None
    action: Any = None
    queries: Any = None
    code: str | None = None
    results: Any = None
    outputs: Any = None
    output: Any = None
    result: str | None = None
    output_format: str | None = None


class _Usage(msgspec.Struct, gc=False):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


class _Incomplete(msgspec.Struct, gc=False):
    reason: str | None = None


class _Response(msgspec.Struct, gc=False):
    usage: _Usage | None = None
    error: Any = None
    incomplete_details: _Incomplete | None = None


class _Event(msgspec.Struct, gc=False):
    type: str
    delta: str | None = None
    output_index: int = 0
    summary_index: int = 0
    item: _Item | None = None
    annotation: _Annotation | None = None
    arguments: str | None = None
    response: _Response | None = None
    error: Any = None
    code: Any = None
    message: Any = None


_decode = msgspec.json.Decoder(_Event).decode


class Reader(StreamReader):
    """See StreamReader. The event of the response's end ends the stream."""

    reasons = {
        "completed": "stop",
        "max_output_tokens": "length",
        "content_filter": "content_filter",
    }

    def feed(self, data: str) -> list[AnswerEvent]:
        event = self._known(_decode, data, _READ)
        if event is None or (read := _READ.get(event.type)) is None:
            return []
        return read(self, event)

    def _text(self, event: _Event) -> list[AnswerEvent]:
        return self._parts.text(event.delta or "")

    def _refusal(self, event: _Event) -> list[AnswerEvent]:
        self._refused = True
        return self._parts.text(event.delta or "")

    def _reasoning(self, event: _Event) -> list[AnswerEvent]:
        return self._parts.reasoning(event.delta or "")

    def _summary_part(self, event: _Event) -> list[AnswerEvent]:
        """A summary has paragraphs, which only their numbers tell apart."""
        return self._parts.reasoning("\n\n") if event.summary_index else []

    def _arguments(self, event: _Event) -> list[AnswerEvent]:
        return self._tools.fragment(event.output_index, id=None, name=None, arguments=event.delta)

    def _annotation(self, event: _Event) -> list[AnswerEvent]:
        if (cited := event.annotation) is None:
            return []
        document = cited.file_id or cited.filename
        title = cited.title or cited.filename
        return self._sources.cite(url=cited.url, document=document, title=title)

    def _item_added(self, event: _Event) -> list[AnswerEvent]:
        item = event.item
        closing = self._parts.close()
        if item is None or item.type != "function_call":
            return closing
        self._called = True
        return closing + self._tools.fragment(
            event.output_index, id=item.call_id, name=item.name, arguments=None
        )

    def _item_done(self, event: _Event) -> list[AnswerEvent]:
        if (item := event.item) is None:
            return []
        if item.type == "function_call":
            return self._tools.end(event.output_index, item.arguments or "")
        if item.type == "reasoning" and item.encrypted_content:
            return self._parts.sign(self._signed(f"{item.id}:{item.encrypted_content}"))
        if item.type == "image_generation_call" and item.result:
            kind = f"image/{item.output_format or 'png'}"
            return [*self._parts.close(), File(f"data:{kind};base64,{item.result}", kind)]
        if item.type in _OWN_TOOLS:
            return self._own_tool(item, f"call_{event.output_index}")
        return self._parts.close()

    def _own_tool(self, item: _Item, otherwise: str) -> list[AnswerEvent]:
        """The vendor says what it was asked and what came of it only when it is done."""
        asked = item.action or item.queries or item.code or item.arguments or None
        found = item.results or item.outputs or item.output or {"status": item.status}
        id = item.id or otherwise
        call = self._whole_call(item.name or _OWN_TOOLS[item.type], asked, id=id)
        return [*call, ToolResult(id, found)]

    def _completed(self, event: _Event) -> list[AnswerEvent]:
        return self._ended(event, "completed")

    def _incomplete(self, event: _Event) -> list[AnswerEvent]:
        details = event.response and event.response.incomplete_details
        return self._ended(event, (details and details.reason) or "")

    def _ended(self, event: _Event, reason: str) -> list[AnswerEvent]:
        self.terminated = True
        if event.response is not None and (used := event.response.usage) is not None:
            self.usage = counted(
                used.input_tokens,
                used.output_tokens,
                used.input_tokens_details,
                used.output_tokens_details,
            )
        return self._finish(reason)

    def _failed(self, event: _Event) -> list[AnswerEvent]:
        flat = {"code": event.code, "message": event.message}
        raise self._error((event.response and event.response.error) or event.error or flat)


_READ: Final[dict[str, Callable[[Reader, _Event], list[AnswerEvent]]]] = {
    "response.output_text.delta": Reader._text,
    "response.refusal.delta": Reader._refusal,
    "response.reasoning_summary_part.added": Reader._summary_part,
    "response.reasoning_summary_text.delta": Reader._reasoning,
    "response.reasoning_text.delta": Reader._reasoning,
    "response.function_call_arguments.delta": Reader._arguments,
    "response.output_text.annotation.added": Reader._annotation,
    "response.output_item.added": Reader._item_added,
    "response.output_item.done": Reader._item_done,
    "response.completed": Reader._completed,
    "response.incomplete": Reader._incomplete,
    "response.failed": Reader._failed,
    "error": Reader._failed,
}
