"""``dify``: the events of Dify's chat API, ``POST /v1/chat-messages``.

``data: {"event", "task_id", "message_id", "conversation_id", "created_at", …}``: text as
``message`` with ``answer``; reasoning, when it is whole, and each call as an
``agent_thought``, which is said again with its ``observation`` when the tool has answered;
files as ``message_file``; at the end ``message_end``, whose ``metadata`` has the usage and,
as ``retriever_resources``, the sources. Task and message are the run, the conversation is
the session. The heartbeat is a bare ``event: ping``.

A failure is ``error`` with ``status``, ``code`` and ``message``; status 503 says that it
can be tried again. A ``stream.reset`` and the end of a connection before the answer's
are the same. A stop looks like an end, and the reason of an end is not said. Data for
the front end cannot be said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from tidewire.answers.events import (
    AnswerEvent,
    File,
    ReasoningDelta,
    ReasoningEnd,
    RunFailed,
    RunFinished,
    RunStopped,
    Source,
    TextDelta,
    ToolError,
    ToolReady,
    ToolResult,
)
from tidewire.dialects.base import data_frame, to_json
from tidewire.dialects.features import Feature
from tidewire.dialects.strict import Pieces, StrictEncoder, whole
from tidewire.dialects.uncontinued import Uncontinued

__all__ = ["Dify"]

Json: TypeAlias = dict[str, Any]


class _Encoder(StrictEncoder):
    """``_positions``: of the thoughts, by part or call. ``_tools``: what is known of the
    calls. ``_said``: the reasoning of each part so far."""

    def __init__(self) -> None:
        super().__init__()
        self._positions: dict[str, int] = {}
        self._tools: dict[str, Json] = {}
        self._said: dict[str, Pieces] = {}
        self._sources: tuple[Source, ...] = ()
        self._files = 0

    def say(self, event: AnswerEvent) -> Sequence[str]:
        match event:
            case TextDelta(delta=delta):
                return [self._event("message", answer=delta)]
            case ReasoningDelta(part=part, delta=delta):
                self._said = {**self._said, part: (self._said.get(part), delta)}
            case ReasoningEnd(part=part):
                return [self._thought(part, thought=whole(self._said.get(part)))]
            case ToolReady(call=call, name=name):
                arguments = to_json(event.input) if event.invalid is None else event.invalid
                self._tools = {**self._tools, call: {"tool": name, "tool_input": arguments}}
                return [self._thought(call)]
            case ToolResult(call=call, output=output):
                observation = output if isinstance(output, str) else to_json(output)
                return [self._thought(call, observation=observation)]
            case ToolError(call=call, message=message):
                return [self._thought(call, observation=message)]
            case Source():
                self._sources = (*self._sources, event)
            case File():
                return [self._file(event)]
            case RunFinished() | RunStopped():
                return [self._event("message_end", id=self.run.run, metadata=self._metadata())]
            case RunFailed(code=code, message=message, retryable=retryable):
                status = 503 if retryable else 500
                return [self._event("error", status=status, code=code, message=message)]
        return []

    def _event(self, event: str, **fields: Any) -> str:
        about = {
            "event": event,
            "task_id": self.run.run,
            "message_id": self.run.run,
            "conversation_id": self.run.session or "",
            "created_at": self.run.created,
        }
        return data_frame({**about, **fields})

    def _thought(self, id: str, **said: str) -> str:
        if id not in self._positions:
            self._positions = {**self._positions, id: len(self._positions) + 1}
        nothing = {"thought": "", "observation": "", "tool": "", "tool_input": ""}
        about = {"id": id, "position": self._positions[id], "message_files": []}
        return self._event(
            "agent_thought", **{**about, **nothing, **self._tools.get(id, {}), **said}
        )

    def _file(self, file: File) -> str:
        self._files += 1
        type = file.media_type.partition("/")[0]
        kind = type if type in ("image", "audio", "video") else "document"
        about = {"id": f"file_{self._files}", "type": kind, "belongs_to": "assistant"}
        return self._event("message_file", **about, url=file.url)

    def _metadata(self) -> Json:
        metadata: Json = {
            "retriever_resources": [
                _resource(position, source) for position, source in enumerate(self._sources, 1)
            ]
        }
        if self.usage is not None:
            metadata["usage"] = {
                "prompt_tokens": self.usage.input_tokens,
                "completion_tokens": self.usage.output_tokens,
                "total_tokens": self.usage.input_tokens + self.usage.output_tokens,
            }
        return metadata


class Dify(Uncontinued):
    name = "dify"
    keeps = frozenset(
        {
            Feature.TEXT, Feature.REASONING, Feature.CALLS, Feature.RESULTS, Feature.PAGES,
            Feature.DOCUMENTS, Feature.QUOTES, Feature.FILES, Feature.USAGE, Feature.FAILED,
            Feature.CODE, Feature.RETRYABLE, Feature.RUN, Feature.SESSION, Feature.CURSOR,
            Feature.CONTINUES,
        }
    )  # fmt: skip
    stateful = True
    heartbeat = b"event: ping\n\n"

    def encoder(self) -> _Encoder:
        return _Encoder()

    def failure(self, code: str, message: str) -> str:
        return data_frame({"event": "error", "status": 503, "code": code, "message": message})


def _resource(position: int, source: Source) -> Json:
    place = source.url or source.document or source.id
    return {
        "position": position,
        "document_id": source.document or source.id,
        "document_name": source.title or place,
        "url": source.url,
        "data_source_type": "website" if source.url else "file",
        "content": source.quote or "",
    }
