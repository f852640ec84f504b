"""The answer vocabulary: what a model says, as it is stored.

One type per event; the SSE event name is the tag (``text.delta``), the SSE data is
the rest as JSON. Order: ``run.started``; then parts, each opened and closed
explicitly (``*.start`` … ``*.end``, ``tool.start`` … ``tool.ready``), which may
interleave; then exactly one of ``run.finished``, ``run.stopped``, ``run.failed``.
Because parts are explicit, writing them in another protocol needs little state.

Fields with their default value are left out of the JSON, except where it tells how a
run ended. Unknown fields are ignored when reading, so newer logs can be read by older
code.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

import msgspec

from tidewire.errors import WireError

__all__ = [
    "TERMINAL_TYPES",
    "AnswerEvent",
    "Data",
    "File",
    "ReasoningDelta",
    "ReasoningEnd",
    "ReasoningStart",
    "RunFailed",
    "RunFinished",
    "RunModel",
    "RunStarted",
    "RunStopped",
    "Source",
    "TextDelta",
    "TextEnd",
    "TextStart",
    "ToolArgs",
    "ToolError",
    "ToolReady",
    "ToolResult",
    "ToolStart",
    "Usage",
    "decode",
    "encode",
]


class AnswerEvent(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The root of the vocabulary; ``type`` is the SSE event name."""

    type: ClassVar[str]


class RunStarted(AnswerEvent, frozen=True):
    """The run exists. ``model`` is the configured name the caller asked for; ``created``
    is when, in seconds since 1970."""

    type: ClassVar[str] = "run.started"
    run: str
    session: str | None = None
    message: str | None = None
    model: str | None = None
    created: int = 0


class RunModel(AnswerEvent, frozen=True):
    """Another model than the one asked for gives the answer, as those before it in the
    list failed. Comes before all that it says; ``model`` is its configured name."""

    type: ClassVar[str] = "run.model"
    model: str


class TextStart(AnswerEvent, frozen=True):
    """A text part opens. Part ids are unique within the run."""

    type: ClassVar[str] = "text.start"
    part: str


class TextDelta(AnswerEvent, frozen=True):
    type: ClassVar[str] = "text.delta"
    part: str
    delta: str


class TextEnd(AnswerEvent, frozen=True):
    type: ClassVar[str] = "text.end"
    part: str


class ReasoningStart(AnswerEvent, frozen=True):
    type: ClassVar[str] = "reasoning.start"
    part: str


class ReasoningDelta(AnswerEvent, frozen=True):
    type: ClassVar[str] = "reasoning.delta"
    part: str
    delta: str


class ReasoningEnd(AnswerEvent, frozen=True):
    """``signature``: the vendor's proof of the thought, under the name of the model that
    gave it; to be sent back verbatim."""

    type: ClassVar[str] = "reasoning.end"
    part: str
    signature: str | None = None


class ToolStart(AnswerEvent, frozen=True):
    """The model begins to call a tool. ``call`` is unique within the run."""

    type: ClassVar[str] = "tool.start"
    call: str
    name: str


class ToolArgs(AnswerEvent, frozen=True):
    """A fragment of the call's arguments: JSON text, cut anywhere."""

    type: ClassVar[str] = "tool.args"
    call: str
    delta: str


class ToolReady(AnswerEvent, frozen=True):
    """The call is whole: ``input`` is its parsed arguments.

    ``invalid`` holds the raw text instead when it was not JSON, or nested too deeply; such
    a call must not be executed. ``signature``: as in ``reasoning.end``, where the vendor
    signs calls.
    """

    type: ClassVar[str] = "tool.ready"
    call: str
    name: str
    input: Any = None
    invalid: str | None = None
    signature: str | None = None


class ToolResult(AnswerEvent, frozen=True):
    type: ClassVar[str] = "tool.result"
    call: str
    output: Any


class ToolError(AnswerEvent, frozen=True):
    type: ClassVar[str] = "tool.error"
    call: str
    message: str


class Source(AnswerEvent, frozen=True):
    """Something the answer cites: a page (``url``) or a document (``document``)."""

    type: ClassVar[str] = "source"
    id: str
    url: str | None = None
    document: str | None = None
    title: str | None = None
    quote: str | None = None


class Data(AnswerEvent, frozen=True):
    """A typed piece of JSON for the front end (a card, a table).

    The same ``name`` and ``id`` replace the earlier piece in place; ``transient``
    data is not kept in the message.
    """

    type: ClassVar[str] = "data"
    name: str
    data: Any
    id: str | None = None
    transient: bool = False


class File(AnswerEvent, frozen=True):
    """A file the model made; ``url`` may be a data: URL."""

    type: ClassVar[str] = "file"
    url: str
    media_type: str
    name: str | None = None


class Usage(AnswerEvent, frozen=True):
    """Tokens used so far, cumulative. ``estimated``: counted by us, not the vendor."""

    type: ClassVar[str] = "usage"
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    estimated: bool = False


class RunFinished(AnswerEvent, frozen=True, omit_defaults=False):
    """``reason``: stop, length, tool_calls, content_filter or other."""

    type: ClassVar[str] = "run.finished"
    reason: str = "stop"


class RunStopped(AnswerEvent, frozen=True, omit_defaults=False):
    """Somebody stopped it. ``reason``: stop (asked for), disconnect or shutdown."""

    type: ClassVar[str] = "run.stopped"
    reason: str = "stop"


class RunFailed(AnswerEvent, frozen=True, omit_defaults=False):
    """``code`` is stable (see errors.py, and ``interrupted``); ``message`` is for a person."""

    type: ClassVar[str] = "run.failed"
    code: str
    message: str
    retryable: bool = False


TERMINAL_TYPES: Final = frozenset({"run.finished", "run.stopped", "run.failed"})

_TYPES: Final[tuple[type[AnswerEvent], ...]] = (
    RunStarted, RunModel, TextStart, TextDelta, TextEnd,
    ReasoningStart, ReasoningDelta, ReasoningEnd,
    ToolStart, ToolArgs, ToolReady, ToolResult, ToolError, Source, Data, File, Usage,
    RunFinished, RunStopped, RunFailed,
)  # fmt: skip

_encoder = msgspec.json.Encoder()
_decoders: Final = {cls.type: msgspec.json.Decoder(cls) for cls in _TYPES}


def encode(event: AnswerEvent) -> str:
    """The event's data: compact JSON on one line, without the type."""
    return _encoder.encode(event).decode()


def decode(type: str, data: str) -> AnswerEvent | None:
    """The event of a stored type and data; None for a type outside the vocabulary.

    Raises WireError if the data does not fit the type.
    """
    decoder = _decoders.get(type)
    if decoder is None:
        return None
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise WireError(f"The data of {type} is not valid.") from exc
