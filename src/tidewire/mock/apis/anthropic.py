"""Anthropic's messages.

Source: the Anthropic API reference, streaming messages.
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
from tidewire.answers.fold import Message, ReasoningPart, TextPart, ToolPart
from tidewire.mock.apis.base import Api, named_event
from tidewire.mock.question import Asked, Question, Turn, asked, dicts, text_of

__all__ = ["Anthropic"]

_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
_ERRORS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
SIGNATURE = "bW9jayBzaWduYXR1cmU="


class Anthropic(Api):
    name: ClassVar = "anthropic"
    route: ClassVar = "POST /v1/messages"

    def __init__(self, question: Question, *, id: str, created: int) -> None:
        super().__init__(question, id=id, created=created)
        self._blocks: dict[str, int] = {}
        self._text = ""

    @classmethod
    def read(cls, request: Asked) -> Question:
        body = request.body
        model, stream = str(body.get("model", "")), bool(body.get("stream"))
        return asked(model, _turns(body), stream=stream, body=body)

    @classmethod
    def refusal(cls, status: int, message: str) -> dict[str, Any]:
        kind = _ERRORS.get(status, "api_error" if status >= 500 else "invalid_request_error")
        return {"type": "error", "error": {"type": kind, "message": message}}

    def begin(self) -> list[bytes]:
        usage = {"input_tokens": self.question.input_tokens, "output_tokens": 1}
        message = {**self._message(), "content": [], "stop_reason": None, "usage": usage}
        return [named_event({"type": "message_start", "message": message})]

    def _write(self, event: AnswerEvent) -> list[bytes]:
        match event:
            case TextStart():
                self._text = event.part
                return self._open(event.part, {"type": "text", "text": ""})
            case ReasoningStart():
                block = {"type": "thinking", "thinking": "", "signature": ""}
                return self._open(event.part, block)
            case ToolStart():
                call = {"type": "tool_use", "id": event.call, "name": event.name}
                opened = self._open(event.call, {**call, "input": {}})
                return [*opened, self._json(event.call, "")]
            case TextDelta():
                return [self._delta(event.part, {"type": "text_delta", "text": event.delta})]
            case Source():
                cited = {"type": "citations_delta", "citation": _citation(event)}
                return [self._delta(self._text, cited)]
            case ReasoningDelta():
                delta = {"type": "thinking_delta", "thinking": event.delta}
                return [self._delta(event.part, delta)]
            case ToolArgs():
                return [self._json(event.call, event.delta)]
            case ReasoningEnd():
                signed = self._delta(
                    event.part, {"type": "signature_delta", "signature": SIGNATURE}
                )
                return [signed, self._stop(event.part)]
            case TextEnd():
                return [self._stop(event.part)]
            case ToolReady():
                return [self._stop(event.call)]
        return []

    def end(self, reason: str, usage: Usage) -> list[bytes]:
        delta = {"stop_reason": _REASONS.get(reason, "end_turn"), "stop_sequence": None}
        return [
            named_event({"type": "message_delta", "delta": delta, "usage": _usage(usage)}),
            named_event({"type": "message_stop"}),
        ]

    def failure(self, message: str) -> bytes:
        return named_event(self.refusal(529, message))

    def document(self, message: Message, reason: str, usage: Usage) -> dict[str, Any]:
        blocks = [_block(part) for part in message.parts]
        stop = _REASONS.get(reason, "end_turn")
        return {**self._message(), "content": blocks, "stop_reason": stop, "usage": _usage(usage)}

    def _message(self) -> dict[str, Any]:
        return {
            "id": f"msg_{self.id}",
            "type": "message",
            "role": "assistant",
            "model": self.question.model,
            "stop_sequence": None,
        }

    def _open(self, key: str, block: dict[str, Any]) -> list[bytes]:
        index = self._blocks[key] = len(self._blocks)
        started = {"type": "content_block_start", "index": index, "content_block": block}
        ping = [] if index else [named_event({"type": "ping"})]
        return [named_event(started), *ping]

    def _delta(self, key: str, delta: dict[str, Any]) -> bytes:
        index = self._blocks[key]
        return named_event({"type": "content_block_delta", "index": index, "delta": delta})

    def _json(self, call: str, fragment: str) -> bytes:
        return self._delta(call, {"type": "input_json_delta", "partial_json": fragment})

    def _stop(self, key: str) -> bytes:
        return named_event({"type": "content_block_stop", "index": self._blocks[key]})


def _turns(body: dict[str, Any]) -> list[Turn]:
    turns = [Turn("system", text_of(body["system"]))] if body.get("system") else []
    names: dict[str, str] = {}
    for message in dicts(body.get("messages")):
        blocks = list(dicts(message.get("content")))
        names |= {str(b.get("id")): str(b.get("name")) for b in blocks if "input" in b}
        results = [block for block in blocks if block.get("type") == "tool_result"]
        for result in results:
            tool = names.get(str(result.get("tool_use_id")), "tool")
            turns.append(Turn("tool", text_of(result.get("content")), tool))
        text = text_of(message.get("content"))
        if text or not results:
            turns.append(Turn(str(message.get("role")), text))
    return turns


def _block(part: object) -> dict[str, Any]:
    match part:
        case ToolPart():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.input}
        case ReasoningPart():
            return {"type": "thinking", "thinking": part.text, "signature": SIGNATURE}
        case TextPart():
            return {"type": "text", "text": part.text}
    raise TypeError(part)


def _citation(source: Source) -> dict[str, Any]:
    cited = {"cited_text": source.quote or "", "title": source.title}
    if source.url is not None:
        place = {"url": source.url, "encrypted_index": "bW9jaw=="}
        return {"type": "web_search_result_location", **cited, **place}
    blocks = {"search_result_index": 0, "start_block_index": 0, "end_block_index": 1}
    return {"type": "search_result_location", **cited, "source": source.document, **blocks}


def _usage(usage: Usage) -> dict[str, Any]:
    """What was read from the cache is not among the input tokens."""
    return {
        "input_tokens": max(0, usage.input_tokens - usage.cached_tokens),
        "output_tokens": usage.output_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
    }
