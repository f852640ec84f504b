"""OpenAI's chat completions. Reasoning goes as ``reasoning_content``, as DeepSeek's does.

Source: the OpenAI API reference, chat completions, streaming.
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
from tidewire.mock.apis.base import Api, Refusal, calls_of, data_event, reasoning_of
from tidewire.mock.question import Asked, Question, Turn, asked, dicts, text_of

__all__ = ["OpenAI", "call_of", "message_turns"]


class OpenAI(Api):
    name: ClassVar = "openai"
    route: ClassVar = "POST /v1/chat/completions"

    def __init__(self, question: Question, *, id: str, created: int) -> None:
        super().__init__(question, id=id, created=created)
        options = question.body.get("stream_options")
        self._with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
        self._calls: dict[str, int] = {}
        self._cited: list[dict[str, Any]] = []
        self._refused = False

    @classmethod
    def read(cls, request: Asked) -> Question:
        body = request.body
        return asked(
            str(body.get("model", "")),
            message_turns(body.get("messages")),
            stream=bool(body.get("stream")),
            body=body,
        )

    @classmethod
    def refusal(cls, status: int, message: str) -> dict[str, Any]:
        kind = _ERRORS.get(status, "server_error" if status >= 500 else "invalid_request_error")
        code = "rate_limit_exceeded" if status == 429 else None
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def begin(self) -> list[bytes]:
        return [self._delta({"role": "assistant", "content": ""})]

    def _write(self, event: AnswerEvent) -> list[bytes]:
        match event:
            case Refusal():
                self._refused = True
                return [self._delta({"refusal": event.delta})]
            case TextDelta():
                return [self._delta({"content": event.delta})]
            case Source(url=str(url)):
                place = {"url": url, "title": event.title, "start_index": 0, "end_index": 0}
                self._cited.append({"type": "url_citation", "url_citation": place})
            case ReasoningDelta():
                return [self._delta({"reasoning_content": event.delta})]
            case ToolStart():
                index = self._calls[event.call] = len(self._calls)
                call = {"index": index, **call_of(event.call, event.name, "")}
                return [self._delta({"tool_calls": [call]})]
            case ToolArgs():
                index = self._calls[event.call]
                call = {"index": index, "function": {"arguments": event.delta}}
                return [self._delta({"tool_calls": [call]})]
        return []

    def end(self, reason: str, usage: Usage) -> list[bytes]:
        frames = [self._delta({"annotations": self._cited})] if self._cited else []
        frames.append(self._delta({}, finish_reason=self._finish_reason(reason)))
        if self._with_usage:
            frames.append(data_event({**self._head("chat.completion.chunk"), **_usage(usage)}))
        return [*frames, b"data: [DONE]\n\n"]

    def failure(self, message: str) -> bytes:
        return data_event(self.refusal(500, message))

    def document(self, message: Message, reason: str, usage: Usage) -> dict[str, Any]:
        name, other = ("refusal", "content") if self._refused else ("content", "refusal")
        said: dict[str, Any] = {"role": "assistant", name: message.text, other: None}
        if reasoning := reasoning_of(message):
            said["reasoning_content"] = reasoning
        if calls := calls_of(message):
            said["tool_calls"] = [call_of(call.id, call.name, call.args) for call in calls]
        if self._cited:
            said["annotations"] = self._cited
        choice = {"index": 0, "message": said, "logprobs": None}
        choice["finish_reason"] = self._finish_reason(reason)
        return {**self._head("chat.completion"), **_usage(usage), "choices": [choice]}

    def _finish_reason(self, reason: str) -> str:
        """A model that refuses has come to its end as any other."""
        return "stop" if self._refused else reason

    def _delta(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        chunk = {**self._head("chat.completion.chunk"), "choices": [choice]}
        return data_event(chunk | {"usage": None} if self._with_usage else chunk)

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.id}",
            "object": kind,
            "created": self.created,
            "model": self.question.model,
            "system_fingerprint": "fp_mock",
        }


_ERRORS = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}


def call_of(id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def message_turns(messages: Any) -> list[Turn]:
    """Turns of messages with roles, whose tool results name the call that they answer."""
    turns: list[Turn] = []
    names: dict[str, str] = {}
    for message in dicts(messages):
        for call in dicts(message.get("tool_calls")):
            function = call.get("function")
            if isinstance(function, dict):
                names[str(call.get("id"))] = str(function.get("name"))
        turns.append(_turn(message, names))
    return turns


def _turn(message: dict[str, Any], names: dict[str, str]) -> Turn:
    role, text = str(message.get("role")), text_of(message.get("content"))
    if role != "tool":
        return Turn(role, text)
    named = message.get("tool_name") or message.get("name")
    return Turn(role, text, str(named or names.get(str(message.get("tool_call_id")), "tool")))


def _usage(usage: Usage) -> dict[str, Any]:
    """The usage chunk's fields: no choice, and what was used."""
    return {
        "choices": [],
        "usage": {
            "prompt_tokens": usage.input_tokens,
            "completion_tokens": usage.output_tokens,
            "total_tokens": usage.input_tokens + usage.output_tokens,
            "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        },
    }
