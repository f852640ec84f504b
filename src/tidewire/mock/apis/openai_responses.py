"""OpenAI's responses: every event numbered, every item opened and closed.

Source: the OpenAI API reference, responses, streaming events.
"""

from __future__ import annotations

from typing import Any, ClassVar

from tidewire.answers.events import (
    AnswerEvent,
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    Source,
    TextDelta,
    TextEnd,
    TextStart,
    ToolArgs,
    ToolReady,
    ToolStart,
    Usage,
)
from tidewire.answers.fold import Message
from tidewire.mock.apis.base import Api, Refusal, named_event
from tidewire.mock.apis.openai import OpenAI
from tidewire.mock.question import Asked, Question, Turn, asked, dicts, text_of

__all__ = ["OpenAIResponses"]

# Reasoning has no status; all other items do.
_BEGUN = {"status": "in_progress"}
_COMPLETED = {"status": "completed"}
ENCRYPTED = "bW9jayByZWFzb25pbmc="
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class _Item:
    """An output item that is being written: its text and its citations so far, and whether
    the text is a refusal."""

    def __init__(self, index: int, item: dict[str, Any]) -> None:
        self.item = item
        self.refuses = False
        self.text = ""
        self.annotations: list[dict[str, Any]] = []
        self.place = {"item_id": item["id"], "output_index": index}


class OpenAIResponses(Api):
    name: ClassVar = "openai-responses"
    route: ClassVar = "POST /v1/responses"

    def __init__(self, question: Question, *, id: str, created: int) -> None:
        super().__init__(question, id=id, created=created)
        self._sequence = 0
        self._items: dict[str, _Item] = {}
        self._text_key = ""
        self._encrypts = "reasoning.encrypted_content" in (question.body.get("include") or ())

    @classmethod
    def read(cls, request: Asked) -> Question:
        body = request.body
        model, stream = str(body.get("model", "")), bool(body.get("stream"))
        return asked(model, _turns(body), stream=stream, body=body)

    @classmethod
    def refusal(cls, status: int, message: str) -> dict[str, Any]:
        return OpenAI.refusal(status, message)

    def begin(self) -> list[bytes]:
        response = self._response("in_progress")
        return [
            self._event("response.created", response=response),
            self._event("response.in_progress", response=response),
        ]

    def _write(self, event: AnswerEvent) -> list[bytes]:
        match event:
            case TextStart() | TextDelta() | TextEnd():
                return self._text(event)
            case Source():
                return self._cite(event)
            case ReasoningStart() | ReasoningDelta() | ReasoningEnd():
                return self._reasoning(event)
            case ToolStart() | ToolArgs() | ToolReady():
                return self._call(event)
        return []

    def end(self, reason: str, usage: Usage) -> list[bytes]:
        response = self._ended(reason, usage)
        return [self._event(f"response.{response['status']}", response=response)]

    def failure(self, message: str) -> bytes:
        return self._event("error", code="server_error", message=message, param=None)

    def document(self, message: Message, reason: str, usage: Usage) -> dict[str, Any]:
        return self._ended(reason, usage)

    def _text(self, event: TextStart | TextDelta | TextEnd) -> list[bytes]:
        if isinstance(event, TextStart):
            self._text_key = event.part
            item = {"type": "message", **_BEGUN, "role": "assistant", "content": []}
            return [self._open(event.part, "msg", item)]
        if isinstance(event, TextDelta):
            return self._text_delta(self._items[event.part], event)
        part = _content(self._items[event.part])
        whole = {name: part[name] for name in ("text", "refusal", "logprobs") if name in part}
        return [
            self._part(f"response.{part['type']}.done", event.part, **whole),
            self._part("response.content_part.done", event.part, part=part),
            self._done(event.part, **_COMPLETED, content=[part]),
        ]

    def _text_delta(self, item: _Item, event: TextDelta) -> list[bytes]:
        """What kind of part it is shows at the first delta."""
        added = []
        if not item.text:
            item.refuses = isinstance(event, Refusal)
            part = _content(item)
            added = [self._part("response.content_part.added", event.part, part=part)]
        item.text += event.delta
        fields: dict[str, Any] = {"delta": event.delta}
        if item.refuses:
            return [*added, self._part("response.refusal.delta", event.part, **fields)]
        fields["logprobs"] = []
        return [*added, self._part("response.output_text.delta", event.part, **fields)]

    def _cite(self, source: Source) -> list[bytes]:
        annotations, annotation = self._items[self._text_key].annotations, _annotation(source)
        annotations.append(annotation)
        where = {"annotation_index": len(annotations) - 1, "annotation": annotation}
        return [self._part("response.output_text.annotation.added", self._text_key, **where)]

    def _reasoning(self, event: ReasoningStart | ReasoningDelta | ReasoningEnd) -> list[bytes]:
        name = "response.reasoning_summary_part"
        if isinstance(event, ReasoningStart):
            opened = self._open(event.part, "rs", {"type": "reasoning", "summary": []})
            return [opened, self._summary(f"{name}.added", event.part, part=_summary_text(""))]
        if isinstance(event, ReasoningDelta):
            self._items[event.part].text += event.delta
            delta = "response.reasoning_summary_text.delta"
            return [self._summary(delta, event.part, delta=event.delta)]
        text = self._items[event.part].text
        part = _summary_text(text)
        return [
            self._summary("response.reasoning_summary_text.done", event.part, text=text),
            self._summary(f"{name}.done", event.part, part=part),
            self._done(event.part, summary=[part], **self._encrypted()),
        ]

    def _call(self, event: ToolStart | ToolArgs | ToolReady) -> list[bytes]:
        name = "response.function_call_arguments"
        if isinstance(event, ToolStart):
            call = {"type": "function_call", "call_id": event.call, "name": event.name}
            return [self._open(event.call, "fc", {**call, **_BEGUN, "arguments": ""})]
        item = self._items[event.call]
        if isinstance(event, ToolArgs):
            item.text += event.delta
            return [self._event(f"{name}.delta", **item.place, delta=event.delta)]
        done = self._event(f"{name}.done", **item.place, name=event.name, arguments=item.text)
        return [done, self._done(event.call, **_COMPLETED, arguments=item.text)]

    def _open(self, key: str, prefix: str, item: dict[str, Any]) -> bytes:
        index = len(self._items)
        item = {"id": f"{prefix}_{self.id}{index:02d}", **item}
        self._items[key] = _Item(index, item)
        return self._event("response.output_item.added", output_index=index, item=item)

    def _encrypted(self) -> dict[str, str]:
        return {"encrypted_content": ENCRYPTED} if self._encrypts else {}

    def _part(self, type: str, key: str, **fields: Any) -> bytes:
        return self._event(type, **self._items[key].place, content_index=0, **fields)

    def _summary(self, type: str, key: str, **fields: Any) -> bytes:
        return self._event(type, **self._items[key].place, summary_index=0, **fields)

    def _done(self, key: str, **fields: Any) -> bytes:
        item = self._items[key]
        item.item = {**item.item, **fields}
        index = item.place["output_index"]
        return self._event("response.output_item.done", output_index=index, item=item.item)

    def _event(self, type: str, **fields: Any) -> bytes:
        number, self._sequence = self._sequence, self._sequence + 1
        return named_event({"type": type, "sequence_number": number, **fields})

    def _ended(self, reason: str, usage: Usage) -> dict[str, Any]:
        why = _INCOMPLETE.get(reason)
        response = self._response("incomplete" if why else "completed")
        output = [item.item for item in self._items.values()]
        details = {"reason": why} if why else None
        return response | {
            "output": output,
            "incomplete_details": details,
            "usage": _usage(usage),
        }

    def _response(self, status: str) -> dict[str, Any]:
        return {
            "id": f"resp_{self.id}",
            "object": "response",
            "created_at": self.created,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "model": self.question.model,
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": None,
        }


def _turns(body: dict[str, Any]) -> list[Turn]:
    instructions, input = body.get("instructions"), body.get("input")
    turns = [Turn("system", instructions)] if isinstance(instructions, str) else []
    if isinstance(input, str):
        return [*turns, Turn("user", input)]
    names: dict[str, str] = {}
    for item in dicts(input):
        if item.get("type") == "function_call":
            names[str(item.get("call_id"))] = str(item.get("name"))
        elif item.get("type") == "function_call_output":
            tool = names.get(str(item.get("call_id")), "tool")
            turns.append(Turn("tool", text_of(item.get("output")), tool))
        elif "role" in item:
            turns.append(Turn(str(item["role"]), text_of(item.get("content"))))
    return turns


def _content(item: _Item) -> dict[str, Any]:
    if item.refuses:
        return {"type": "refusal", "refusal": item.text}
    part = {"type": "output_text", "text": item.text, "annotations": [*item.annotations]}
    return {**part, "logprobs": []}


def _annotation(source: Source) -> dict[str, Any]:
    if source.url is not None:
        place = {"start_index": 0, "end_index": 0}
        return {"type": "url_citation", "url": source.url, "title": source.title, **place}
    file = {"file_id": source.document, "filename": source.title or source.document}
    return {"type": "file_citation", **file, "index": 0}


def _summary_text(text: str) -> dict[str, Any]:
    return {"type": "summary_text", "text": text}


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
