"""Gemini's ``generateContent``. Calls come whole, and the stream ends without a terminator.

Lines end with CRLF, as Google's servers send them. The other form of the stream, a JSON
array for clients that leave out ``alt=sse``, is not spoken.
Source: the Gemini API reference, generateContent.
"""

from __future__ import annotations

from typing import Any, ClassVar

from tidewire.answers.events import (
    AnswerEvent,
    ReasoningDelta,
    Source,
    TextDelta,
    ToolReady,
    Usage,
)
from tidewire.answers.fold import Message, ReasoningPart, TextPart
from tidewire.errors import BadRequest
from tidewire.mock.apis.base import Api, compact
from tidewire.mock.question import Asked, Question, Turn, asked, dicts, text_of

__all__ = ["Gemini"]

_REASONS = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}
SIGNATURE = "bW9jayB0aG91Z2h0"


class Gemini(Api):
    name: ClassVar = "gemini"
    route: ClassVar = "POST /v1beta/models/{model}:streamGenerateContent"
    content_type: ClassVar = "text/event-stream"

    @classmethod
    def read(cls, request: Asked) -> Question:
        model, _, method = request.path.rpartition("/")[2].partition(":")
        stream = method == "streamGenerateContent"
        if stream and request.query.get("alt") != "sse":
            raise BadRequest("This mock streams with alt=sse only.")
        return asked(model, _turns(request.body), stream=stream, body=request.body)

    @classmethod
    def refusal(cls, status: int, message: str) -> dict[str, Any]:
        name = _STATUSES.get(status, "INTERNAL")
        return {"error": {"code": status, "message": message, "status": name}}

    def begin(self) -> list[bytes]:
        return []

    def _write(self, event: AnswerEvent) -> list[bytes]:
        match event:
            case TextDelta():
                return [self._parts([{"text": event.delta}])]
            case ReasoningDelta():
                return [self._parts([{"text": event.delta, "thought": True}])]
            case Source():
                cited = {"groundingMetadata": {"groundingChunks": [_grounding(event)]}}
                return [_event(self._response([], self.usage, **cited))]
            case ToolReady():
                return [self._parts([_call(event.name, event.input)])]
        return []

    def end(self, reason: str, usage: Usage) -> list[bytes]:
        finish = _REASONS.get(reason, "STOP")
        return [_event(self._response([{"text": ""}], usage, finishReason=finish))]

    def failure(self, message: str) -> bytes:
        return _event(self.refusal(503, message))

    def document(self, message: Message, reason: str, usage: Usage) -> dict[str, Any]:
        parts = [_part(part) for part in message.parts]
        return self._response(parts, usage, finishReason=_REASONS.get(reason, "STOP"))

    def _parts(self, parts: list[dict[str, Any]]) -> bytes:
        return _event(self._response(parts, self.usage))

    def _response(self, parts: list[dict[str, Any]], usage: Usage, **more: Any) -> dict[str, Any]:
        content = {"parts": parts, "role": "model"}
        return {
            "candidates": [{"content": content, "index": 0, **more}],
            "usageMetadata": _usage(usage),
            "modelVersion": self.question.model,
            "responseId": self.id,
        }


def _event(document: dict[str, Any]) -> bytes:
    return b"data: %b\r\n\r\n" % compact(document)


def _turns(body: dict[str, Any]) -> list[Turn]:
    instruction = body.get("systemInstruction") or body.get("system_instruction")
    turns = [Turn("system", text_of(instruction.get("parts")))] if instruction else []
    contents = body.get("contents")
    for content in dicts([contents] if isinstance(contents, dict) else contents):
        parts = list(dicts(content.get("parts")))
        results = [part["functionResponse"] for part in parts if "functionResponse" in part]
        turns += [
            Turn("tool", text_of(result.get("response")), str(result.get("name")))
            for result in results
        ]
        if not results:
            role = "assistant" if content.get("role") == "model" else "user"
            turns.append(Turn(role, text_of(parts)))
    return turns


def _call(name: str, input: Any) -> dict[str, Any]:
    """A thinking model signs its calls, and wants the signature back."""
    return {"functionCall": {"name": name, "args": input}, "thoughtSignature": SIGNATURE}


def _part(part: Any) -> dict[str, Any]:
    match part:
        case ReasoningPart():
            return {"text": part.text, "thought": True}
        case TextPart():
            return {"text": part.text}
    return _call(part.name, part.input)


def _grounding(source: Source) -> dict[str, Any]:
    if source.url is not None:
        return {"web": {"uri": source.url, "title": source.title}}
    place = {"uri": source.document, "title": source.title, "text": source.quote}
    return {"retrievedContext": place}


def _usage(usage: Usage) -> dict[str, int]:
    """Thoughts are not among the candidates' tokens."""
    return {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": usage.output_tokens - usage.reasoning_tokens,
        "thoughtsTokenCount": usage.reasoning_tokens,
        "cachedContentTokenCount": usage.cached_tokens,
        "totalTokenCount": usage.input_tokens + usage.output_tokens,
    }
