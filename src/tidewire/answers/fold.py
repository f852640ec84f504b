"""Folds the events of an answer into a message: what a person sees, what a session keeps.

Both languages run ``spec/cases/fold.json``, so a message folded here equals the one a
client folds. The rules: a part opens with its start or, for a reader that came late,
with its first delta; an end without a part changes nothing; events of other types are
passed over; after the terminal event nothing changes. Never refuses an answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec.structs import asdict, replace

from tidewire.answers.events import (
    AnswerEvent,
    Data,
    File,
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    RunFailed,
    RunFinished,
    RunModel,
    RunStarted,
    RunStopped,
    Source,
    TextDelta,
    TextEnd,
    TextStart,
    ToolArgs,
    ToolError,
    ToolReady,
    ToolResult,
    ToolStart,
    Usage,
)

__all__ = [
    "DataPart",
    "FilePart",
    "Fold",
    "Message",
    "MessageError",
    "Part",
    "ReasoningPart",
    "SourcePart",
    "Status",
    "TextPart",
    "ToolPart",
    "fold",
]

Status: TypeAlias = Literal["streaming", "finished", "stopped", "failed"]
ToolState: TypeAlias = Literal["input-streaming", "input-ready", "invalid", "output", "error"]


class _Part(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """The root of the parts: ``type`` tells them apart, absent fields are left out."""


class TextPart(_Part, frozen=True, tag="text"):
    """``open``: more may come."""

    id: str
    text: str
    open: bool


class ReasoningPart(_Part, frozen=True, tag="reasoning"):
    id: str
    text: str
    open: bool
    signature: str | None = None


class ToolPart(_Part, frozen=True, tag="tool"):
    """``args`` is the JSON text as it came, incomplete while it streams; ``signature`` is
    the vendor's proof of the call."""

    id: str
    name: str
    args: str
    state: ToolState
    input: Any = None
    output: Any = None
    error: str | None = None
    signature: str | None = None


class SourcePart(_Part, frozen=True, tag="source"):
    id: str
    url: str | None = None
    document: str | None = None
    title: str | None = None
    quote: str | None = None


class DataPart(_Part, frozen=True, tag="data"):
    name: str
    id: str | None = None
    data: Any = None


class FilePart(_Part, frozen=True, tag="file"):
    url: str
    media_type: str
    name: str | None = None


Part: TypeAlias = TextPart | ReasoningPart | ToolPart | SourcePart | DataPart | FilePart


class MessageError(msgspec.Struct, frozen=True):
    """Why a run failed; see RunFailed."""

    code: str
    message: str
    retryable: bool


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """An answer as far as it is known, its parts in the order in which they opened."""

    status: Status
    parts: list[Part]
    run: str | None = None
    model: str | None = None
    session: str | None = None
    usage: Usage | None = None
    finish_reason: str | None = None
    error: MessageError | None = None

    @property
    def text(self) -> str:
        """What the answer says: all its text parts, without reasoning."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


def fold(events: Iterable[AnswerEvent]) -> Message:
    """The message of an answer, or of its beginning."""
    folding = Fold()
    for event in events:
        folding.add(event)
    return folding.message()


class Fold:
    """A message in the making: ``add`` costs the same however long the answer is.

    ``message`` may be asked at any time; it joins the text that has come.
    """

    def __init__(self) -> None:
        self._head: dict[str, Any] = {"status": "streaming"}
        self._parts: dict[object, Part] = {}  # in the order of opening
        self._pieces: dict[object, list[str]] = {}  # the text, or args, of each written part

    def add(self, event: AnswerEvent) -> None:
        if self._head["status"] != "streaming":
            return
        match event:
            case TextDelta():
                self._write(TextPart, event.part, event.delta)
            case ReasoningDelta():
                self._write(ReasoningPart, event.part, event.delta)
            case TextStart():
                self._write(TextPart, event.part, "")
            case ReasoningStart():
                self._write(ReasoningPart, event.part, "")
            case TextEnd():
                self._change((TextPart, event.part), open=False)
            case ReasoningEnd():
                signature = _given(signature=event.signature)
                self._change((ReasoningPart, event.part), open=False, **signature)
            case ToolStart() | ToolArgs() | ToolReady() | ToolResult() | ToolError():
                self._call(event)
            case Source() | Data() | File():
                self._show(event)
            case Usage():
                self._head["usage"] = event
            case RunStarted():
                self._head |= _given(run=event.run, model=event.model, session=event.session)
            case RunModel(model=model):
                self._head["model"] = model
            case RunFinished() | RunStopped() | RunFailed():
                self._finish(event)

    def message(self) -> Message:
        """The message so far; it does not change any more."""
        parts = [self._joined(key, part) for key, part in self._parts.items()]
        return Message(parts=parts, **self._head)

    def _write(self, kind: type[TextPart | ReasoningPart], id: str, delta: str) -> None:
        key = kind, id
        if key not in self._parts:
            self._parts[key] = kind(id, "", True)
            self._pieces[key] = []
        self._pieces[key].append(delta)

    def _call(self, event: ToolStart | ToolArgs | ToolReady | ToolResult | ToolError) -> None:
        key = ToolPart, event.call
        if key not in self._parts:
            self._parts[key] = ToolPart(event.call, "", "", "input-streaming")
            self._pieces[key] = []
        match event:
            case ToolArgs():
                self._pieces[key].append(event.delta)
            case ToolStart():
                self._change(key, name=event.name)
            case ToolReady(invalid=None):
                given = _given(input=event.input, signature=event.signature)
                self._change(key, name=event.name, state="input-ready", **given)
            case ToolReady(invalid=str() as raw):
                self._pieces[key] = [raw]
                self._change(key, name=event.name, state="invalid")
            case ToolResult():
                self._change(key, state="output", **_given(output=event.output))
            case ToolError():
                self._change(key, state="error", error=event.message)

    def _show(self, event: Source | Data | File) -> None:
        key: object = len(self._parts)  # nothing comes back to this part
        match event:
            case Source():
                self._parts[key] = SourcePart(**asdict(event))
            case File():
                self._parts[key] = FilePart(**asdict(event))
            case Data(transient=False):
                if event.id is not None:
                    key = DataPart, event.name, event.id
                self._parts[key] = DataPart(event.name, event.id, event.data)

    def _finish(self, event: RunFinished | RunStopped | RunFailed) -> None:
        for key, part in self._parts.items():
            if isinstance(part, TextPart | ReasoningPart):
                self._change(key, open=False)
        match event:
            case RunFinished():
                self._head |= {"status": "finished", "finish_reason": event.reason}
            case RunStopped():
                self._head |= {"status": "stopped", "finish_reason": event.reason}
            case RunFailed():
                error = MessageError(event.code, event.message, event.retryable)
                self._head |= {"status": "failed", "error": error}

    def _change(self, key: object, **fields: Any) -> None:
        part = self._parts.get(key)
        if part is not None:
            self._parts[key] = replace(part, **fields)

    def _joined(self, key: object, part: Part) -> Part:
        match part:
            case TextPart() | ReasoningPart():
                return replace(part, text="".join(self._pieces[key]))
            case ToolPart():
                return replace(part, args="".join(self._pieces[key]))
        return part


def _given(**fields: Any) -> dict[str, Any]:
    """The fields that are present: null leaves what was there before."""
    return {name: value for name, value in fields.items() if value is not None}
