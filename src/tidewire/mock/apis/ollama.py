"""Ollama's chat: NDJSON, on by default. Calls come whole and without an id.

Source: the Ollama API documentation, generate a chat completion.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from tidewire.answers.events import AnswerEvent, ReasoningDelta, TextDelta, ToolReady, Usage
from tidewire.answers.fold import Message
from tidewire.mock.apis.base import Api, calls_of, compact, reasoning_of
from tidewire.mock.apis.openai import message_turns
from tidewire.mock.question import Asked, Question, asked

__all__ = ["Ollama"]

_TOKEN_NANOSECONDS = 20_000_000


class Ollama(Api):
    name: ClassVar = "ollama"
    route: ClassVar = "POST /api/chat"
    content_type: ClassVar = "application/x-ndjson"

    @classmethod
    def read(cls, request: Asked) -> Question:
        body = request.body
        return asked(
            str(body.get("model", "")),
            message_turns(body.get("messages")),
            stream=body.get("stream") is not False,
            body=body,
        )

    @classmethod
    def refusal(cls, status: int, message: str) -> dict[str, Any]:
        return {"error": message}

    def begin(self) -> list[bytes]:
        return []

    def _write(self, event: AnswerEvent) -> list[bytes]:
        match event:
            case TextDelta():
                return [self._said({"content": event.delta})]
            case ReasoningDelta():
                return [self._said({"content": "", "thinking": event.delta})]
            case ToolReady():
                calls = [_call(event.name, event.input)]
                return [self._said({"content": "", "tool_calls": calls})]
        return []

    def end(self, reason: str, usage: Usage) -> list[bytes]:
        return [_line(self._done({"role": "assistant", "content": ""}, reason, usage))]

    def failure(self, message: str) -> bytes:
        return _line({"error": message})

    def document(self, message: Message, reason: str, usage: Usage) -> dict[str, Any]:
        said: dict[str, Any] = {"role": "assistant", "content": message.text}
        if thinking := reasoning_of(message):
            said["thinking"] = thinking
        if calls := calls_of(message):
            said["tool_calls"] = [_call(call.name, call.input) for call in calls]
        return self._done(said, reason, usage)

    def _said(self, message: dict[str, Any]) -> bytes:
        said = {"role": "assistant", **message}
        return _line({**self._head(), "message": said, "done": False})

    def _done(self, message: dict[str, Any], reason: str, usage: Usage) -> dict[str, Any]:
        generating = usage.output_tokens * _TOKEN_NANOSECONDS
        return {
            **self._head(),
            "message": message,
            "done": True,
            "done_reason": "length" if reason == "length" else "stop",
            "total_duration": generating + 2 * _TOKEN_NANOSECONDS,
            "load_duration": _TOKEN_NANOSECONDS,
            "prompt_eval_count": usage.input_tokens,
            "prompt_eval_duration": _TOKEN_NANOSECONDS,
            "eval_count": usage.output_tokens,
            "eval_duration": generating,
        }

    def _head(self) -> dict[str, Any]:
        created = datetime.fromtimestamp(self.created, UTC).isoformat().replace("+00:00", "Z")
        return {"model": self.question.model, "created_at": created}


def _call(name: str, input: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": input}}


def _line(document: dict[str, Any]) -> bytes:
    return compact(document) + b"\n"
