"""Dify's chat messages. Thoughts and tool calls go as ``agent_thought``.

Errors inside the stream come with HTTP status 200, as Dify sends them.
Source: the Dify API reference, send chat message.
"""

from __future__ import annotations

from typing import Any, ClassVar

from tidewire.answers.events import (
    AnswerEvent,
    ReasoningDelta,
    ReasoningEnd,
    Source,
    TextDelta,
    ToolReady,
    Usage,
)
from tidewire.answers.fold import Message
from tidewire.mock.apis.base import Api, compact, data_event
from tidewire.mock.question import Asked, Question, Turn, asked

__all__ = ["Dify"]


class Dify(Api):
    name: ClassVar = "dify"
    route: ClassVar = "POST /v1/chat-messages"
    content_type: ClassVar = "text/event-stream; charset=utf-8"

    def __init__(self, question: Question, *, id: str, created: int) -> None:
        super().__init__(question, id=id, created=created)
        self._thought = ""
        self._thoughts = 0
        self._found: list[dict[str, Any]] = []

    @classmethod
    def read(cls, request: Asked) -> Question:
        body = request.body
        turns = [Turn("user", body["query"])] if isinstance(body.get("query"), str) else []
        return asked("dify", turns, stream=body.get("response_mode") == "streaming", body=body)

    @classmethod
    def refusal(cls, status: int, message: str) -> dict[str, Any]:
        code = {401: "unauthorized", 404: "not_found", 429: "too_many_requests"}
        return {"code": code.get(status, "invalid_param"), "message": message, "status": status}

    def begin(self) -> list[bytes]:
        return [b"event: ping\n\n"]

    def _write(self, event: AnswerEvent) -> list[bytes]:
        match event:
            case TextDelta():
                return [self._event("message", {"id": self._message, "answer": event.delta})]
            case ReasoningDelta():
                self._thought += event.delta
            case ReasoningEnd():
                thought, self._thought = self._thought, ""
                return [self._thinks(thought=thought)]
            case Source():
                self._found.append(_resource(len(self._found) + 1, event))
            case ToolReady():
                input = compact(event.input).decode()
                return [self._thinks(tool=event.name, tool_input=input)]
        return []

    def end(self, reason: str, usage: Usage) -> list[bytes]:
        metadata = self._metadata(usage)
        return [self._event("message_end", {"id": self._message, "metadata": metadata})]

    def failure(self, message: str) -> bytes:
        error = {"status": 500, "code": "completion_request_error", "message": message}
        return self._event("error", error)

    def document(self, message: Message, reason: str, usage: Usage) -> dict[str, Any]:
        return {
            "event": "message",
            **self._ids(),
            "id": self._message,
            "mode": "chat",
            "answer": message.text,
            "metadata": self._metadata(usage),
        }

    def _metadata(self, usage: Usage) -> dict[str, Any]:
        return {"usage": _usage(usage), "retriever_resources": self._found}

    @property
    def _message(self) -> str:
        return f"message-{self.id}"

    def _ids(self) -> dict[str, Any]:
        conversation = self.question.body.get("conversation_id") or f"conversation-{self.id}"
        return {
            "task_id": f"task-{self.id}",
            "message_id": self._message,
            "conversation_id": conversation,
            "created_at": self.created,
        }

    def _event(self, name: str, fields: dict[str, Any]) -> bytes:
        return data_event({"event": name, **self._ids(), **fields})

    def _thinks(self, *, thought: str = "", tool: str = "", tool_input: str = "") -> bytes:
        self._thoughts += 1
        return self._event(
            "agent_thought",
            {
                "id": f"thought-{self.id}-{self._thoughts}",
                "position": self._thoughts,
                "thought": thought,
                "observation": "",
                "tool": tool,
                "tool_input": tool_input,
                "message_files": [],
            },
        )


def _resource(position: int, source: Source) -> dict[str, Any]:
    return {
        "position": position,
        "document_id": source.document or source.url,
        "document_name": source.title or source.document or source.url,
        "content": source.quote or "",
    }


def _usage(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
