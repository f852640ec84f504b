"""DashScope's own text and multimodal generation, with and without ``incremental_output``.

No space after the colons, and the status in a comment. Without ``incremental_output``
every event holds all that was said so far. Who asks in lists of parts is answered in them.
Source: Alibaba Cloud Model Studio, API reference of Qwen, DashScope.
"""

from __future__ import annotations

from typing import Any, ClassVar

from tidewire.answers.events import (
    AnswerEvent,
    ReasoningDelta,
    Source,
    TextDelta,
    ToolArgs,
    ToolStart,
    Usage,
)
from tidewire.answers.fold import Message
from tidewire.mock.apis.base import Api, calls_of, compact, reasoning_of
from tidewire.mock.apis.openai import call_of, message_turns
from tidewire.mock.question import Asked, Question, Turn, asked, dicts

__all__ = ["DashScope"]

_REASONS = {"length": "length", "tool_calls": "tool_calls"}
_CODES = {
    400: "InvalidParameter",
    401: "InvalidApiKey",
    403: "AccessDenied",
    404: "ModelNotFound",
    429: "Throttling",
}


class DashScope(Api):
    name: ClassVar = "dashscope"
    route: ClassVar = "POST /api/v1/services/aigc/{kind}/generation"
    content_type: ClassVar = "text/event-stream;charset=UTF-8"

    def __init__(self, question: Question, *, id: str, created: int) -> None:
        super().__init__(question, id=id, created=created)
        parameters = question.body.get("parameters")
        parameters = parameters if isinstance(parameters, dict) else {}
        self._incremental = bool(parameters.get("incremental_output"))
        self._in_parts = _is_in_parts(question.body["input"])
        self._as_message = self._in_parts or parameters.get("result_format") == "message"
        self._sent = 0
        self._text = self._reasoning = ""
        self._calls: dict[str, dict[str, Any]] = {}
        self._found: list[dict[str, Any]] = []

    @classmethod
    def read(cls, request: Asked) -> Question:
        body = request.body
        input = body.get("input")
        input = input if isinstance(input, dict) else {}
        prompt = input.get("prompt")
        turns = [Turn("user", prompt)] if isinstance(prompt, str) else []
        stream = request.headers.get("x-dashscope-sse", "") == "enable"
        stream = stream or "text/event-stream" in request.headers.get("accept", "")
        turns = message_turns(input.get("messages")) or turns
        return asked(str(body.get("model", "")), turns, stream=stream, body=body)

    @classmethod
    def refusal(cls, status: int, message: str) -> dict[str, Any]:
        code = _CODES.get(status, "InternalError")
        return {"code": code, "message": message, "request_id": "mock"}

    def begin(self) -> list[bytes]:
        return []

    def _write(self, event: AnswerEvent) -> list[bytes]:
        match event:
            case TextDelta():
                self._text += event.delta
                return [self._result(text=event.delta)]
            case ReasoningDelta():
                self._reasoning += event.delta
                return [self._result(reasoning=event.delta)]
            case Source(url=str(url)):
                page = {"index": len(self._found) + 1, "url": url, "title": event.title}
                self._found.append(page)
                return [self._result(found=[page])]
            case ToolStart():
                call = {"index": len(self._calls), **call_of(event.call, event.name, "")}
                self._calls[event.call] = call
                return [self._result(call=call)]
            case ToolArgs():
                call = self._calls[event.call]
                call["function"]["arguments"] += event.delta
                fragment = {"arguments": event.delta}
                return [self._result(call={**call, "id": "", "function": fragment})]
        return []

    def end(self, reason: str, usage: Usage) -> list[bytes]:
        output = self._output(self._said(), _REASONS.get(reason, "stop"))
        return [self._event(self._answer(output, usage))]

    def failure(self, message: str) -> bytes:
        return self._event(self.refusal(500, message), status=500)

    def document(self, message: Message, reason: str, usage: Usage) -> dict[str, Any]:
        calls = [call_of(call.id, call.name, call.args) for call in calls_of(message)]
        said = self._message(message.text, reasoning_of(message), calls)
        return self._answer(self._output(said, _REASONS.get(reason, "stop")), usage)

    def _result(
        self,
        *,
        text: str = "",
        reasoning: str = "",
        call: dict[str, Any] | None = None,
        found: list[dict[str, Any]] | None = None,
    ) -> bytes:
        output = self._output(self._said(text, reasoning, call), "null")
        found = found if self._incremental else self._found
        if found:
            output["search_info"] = {"search_results": found}
        return self._event(self._answer(output, self.usage))

    def _said(
        self, text: str = "", reasoning: str = "", call: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """This piece, or all so far."""
        if self._incremental:
            return self._message(text, reasoning, [call] if call else [])
        return self._message(self._text, self._reasoning, list(self._calls.values()))

    def _message(self, text: str, reasoning: str, calls: list[dict[str, Any]]) -> dict[str, Any]:
        content: Any = text
        if self._in_parts:
            content = [{"text": text}] if text else []
        message: dict[str, Any] = {"content": content, "reasoning_content": reasoning}
        return {**message, **({"tool_calls": calls} if calls else {}), "role": "assistant"}

    def _output(self, message: dict[str, Any], finish_reason: str) -> dict[str, Any]:
        if not self._as_message:
            return {"text": message["content"], "finish_reason": finish_reason}
        return {"choices": [{"message": message, "finish_reason": finish_reason}]}

    def _answer(self, output: dict[str, Any], usage: Usage) -> dict[str, Any]:
        return {"output": output, "usage": _usage(usage), "request_id": self.id}

    def _event(self, document: dict[str, Any], *, status: int = 200) -> bytes:
        self._sent += 1
        name = b"result" if status == 200 else b"error"
        head = b"id:%d\nevent:%b\n:HTTP_STATUS/%d\n" % (self._sent, name, status)
        return b"%bdata:%b\n\n" % (head, compact(document))


def _is_in_parts(input: dict[str, Any]) -> bool:
    messages = dicts(input.get("messages"))
    return any(isinstance(message.get("content"), list) for message in messages)


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
