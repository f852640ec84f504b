"""``openai-responses``: the events of ``POST /v1/responses``, every one numbered.

``response.created``, ``response.in_progress``; then the items – text as a ``message``,
reasoning with its summary, calls as ``function_call`` – each added, filled delta by
delta, and done; then ``response.completed``, ``.incomplete`` (length, filter; status
``cancelled``: stopped) or ``.failed``, with all of the output and the usage. The
response's id is the run's.

``sequence_number`` counts the events from 0. It depends on the answer alone, so number
N is the same event in every replay: ``starting_after=N`` is the replay without its
first N + 1 events. There is no ``id:`` and no ``retry:``; see ``openai``. A reader that
comes with the cursor of another dialect gets the rest, rightly numbered.

What is cited stands as ``url_citation`` (a document as ``file_citation``) on the text
that is open, on the next, or on an empty one at the end. A ``stream.reset`` and the end
of a connection before the answer's are an ``error`` event, numbered 0: it is not of the
answer. Results of tools, data and files cannot be said.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import asdict

from tidewire.answers.events import (
    AnswerEvent,
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStopped,
    Source,
    TextDelta,
    TextEnd,
    TextStart,
    ToolArgs,
    ToolReady,
    ToolStart,
    Usage,
)
from tidewire.dialects.base import data_frame
from tidewire.dialects.features import Feature
from tidewire.dialects.openai_items import Item, Json, citation
from tidewire.dialects.strict import End, Key, Start, StrictEncoder, Unfinished, key_of
from tidewire.dialects.uncontinued import Uncontinued

__all__ = ["OpenAIResponses"]

INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class _Encoder(StrictEncoder):
    """``_number``: of the next event. ``_items``: those that are open, by part or call.
    ``_output``: those that are done, by index."""

    with_ids = False
    sources_in_text = True

    def __init__(self) -> None:
        super().__init__()
        self._number = 0
        self._added = 0
        self._items: dict[Key, Item] = {}
        self._output: dict[int, Json] = {}

    def say(self, event: AnswerEvent) -> Sequence[str]:
        match event:
            case TextDelta():
                where = {"content_index": 0, "logprobs": []}
                return [self._delta(event, "response.output_text.delta", where)]
            case ReasoningDelta():
                type = "response.reasoning_summary_text.delta"
                return [self._delta(event, type, {"summary_index": 0})]
            case ToolArgs():
                return [self._delta(event, "response.function_call_arguments.delta", {})]
            case TextStart(part=part):
                item = self._new("message", f"msg_{self.run.run}_{part}")
                return [self._add(event, item), self._part("response.content_part.added", item)]
            case ReasoningStart(part=part):
                item = self._new("reasoning", f"rs_{self.run.run}_{part}")
                type = "response.reasoning_summary_part.added"
                return [self._add(event, item), self._part(type, item)]
            case ToolStart(call=call, name=name):
                item = self._new("function_call", f"fc_{call}", call_id=call, name=name)
                return [self._add(event, item)]
            case TextEnd():
                return self._text_done(event)
            case ReasoningEnd():
                return self._reasoning_done(event)
            case ToolReady():
                return self._call_done(event)
            case Unfinished():
                return [self._item_done(event, status="incomplete")]
            case Source() if self.open_text is not None:
                return [self._annotate(self.open_text, event)]
            case RunStarted():
                return [self._tell("created", "in_progress"), self._tell("in_progress")]
            case RunFinished() | RunStopped() | RunFailed():
                return [self._end(event)]
        return []

    def _event(self, type: str, fields: Json) -> str:
        number, self._number = self._number, self._number + 1
        return data_frame({"type": type, "sequence_number": number, **fields}, event=type)

    # Items

    def _new(self, type: str, id: str, **own: str) -> Item:
        index, self._added = self._added, self._added + 1
        return Item(index, id, type, own)

    def _add(self, start: Start, item: Item) -> str:
        self._items = {**self._items, key_of(start): item}
        added = {"output_index": item.output_index, "item": item.json("in_progress")}
        return self._event("response.output_item.added", added)

    def _delta(self, event: TextDelta | ReasoningDelta | ToolArgs, type: str, more: Json) -> str:
        key = key_of(event)
        item = self._items[key]
        self._items = {**self._items, key: item._replace(said=(item.said, event.delta))}
        return self._event(type, {**item.place, **more, "delta": event.delta})

    def _annotate(self, text: TextStart, source: Source) -> str:
        key, item = key_of(text), self._items[key_of(text)]
        annotation = citation(source)
        where = {**item.place, "content_index": 0, "annotation_index": len(item.annotations)}
        annotations = (*item.annotations, annotation)
        self._items = {**self._items, key: item._replace(annotations=annotations)}
        type = "response.output_text.annotation.added"
        return self._event(type, {**where, "annotation": annotation})

    def _part(self, type: str, item: Item) -> str:
        return self._event(type, {**item.part_place, "part": item.part()})

    def _text_done(self, end: TextEnd) -> list[str]:
        item = self._items[key_of(end)]
        done = {**item.part_place, "text": item.text, "logprobs": []}
        return [
            self._event("response.output_text.done", done),
            self._part("response.content_part.done", item),
            self._item_done(end),
        ]

    def _reasoning_done(self, end: ReasoningEnd) -> list[str]:
        item = self._items[key_of(end)]
        if end.signature is not None:
            signed = item._replace(own={"encrypted_content": end.signature})
            self._items = {**self._items, key_of(end): signed}
        done = {**item.part_place, "text": item.text}
        return [
            self._event("response.reasoning_summary_text.done", done),
            self._part("response.reasoning_summary_part.done", item),
            self._item_done(end),
        ]

    def _call_done(self, ready: ToolReady) -> list[str]:
        item = self._items[key_of(ready)]
        done = {**item.place, "name": ready.name, "arguments": item.text}
        return [
            self._event("response.function_call_arguments.done", done),
            self._item_done(ready),
        ]

    def _item_done(self, end: End, *, status: str = "completed") -> str:
        item = self._items[key_of(end)]
        self._items = {key: self._items[key] for key in self._items if key != key_of(end)}
        done = item.json(status)
        self._output = {**self._output, item.output_index: done}
        return self._event(
            "response.output_item.done", {"output_index": item.output_index, "item": done}
        )

    # The response

    def _end(self, event: RunFinished | RunStopped | RunFailed) -> str:
        match event:
            case RunFinished(reason=reason) if reason in INCOMPLETE:
                return self._tell("incomplete", incomplete_details={"reason": INCOMPLETE[reason]})
            case RunFinished():
                return self._tell("completed")
            case RunStopped():
                return self._tell("incomplete", "cancelled")
            case RunFailed():
                return self._tell("failed", error=asdict(event))

    def _tell(self, type: str, status: str = "", **more: Json) -> str:
        """An event with the whole response, whose ``status`` is mostly called as the event."""
        return self._event(f"response.{type}", {"response": self._response(status or type, **more)})

    def _response(self, status: str, **more: Json) -> Json:
        return {
            "id": self.run.run,
            "object": "response",
            "created_at": self.run.created,
            "status": status,
            "model": self.run.model or "",
            "output": [self._output[index] for index in sorted(self._output)],
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {"session": self.run.session} if self.run.session else {},
            "parallel_tool_calls": True,
            "temperature": None,
            "tool_choice": "auto",
            "tools": [],
            "top_p": None,
            "usage": _usage(self.usage) if self.usage is not None else None,
            **more,
        }


class OpenAIResponses(Uncontinued):
    name = "openai-responses"
    keeps = frozenset(
        {
            Feature.TEXT, Feature.TEXT_PARTS, Feature.REASONING, Feature.REASONING_STREAM,
            Feature.SIGNATURE, Feature.CALLS, Feature.CALL_STREAM, Feature.PAGES,
            Feature.DOCUMENTS, Feature.USAGE, Feature.USAGE_DETAILS, Feature.REASON,
            Feature.STOPPED, Feature.FAILED, Feature.CODE, Feature.RETRYABLE, Feature.RUN,
            Feature.SESSION, Feature.MODEL, Feature.CONTINUES,
        }
    )  # fmt: skip
    stateful = True

    def encoder(self) -> _Encoder:
        return _Encoder()

    def failure(self, code: str, message: str) -> str:
        said = {"code": code, "message": message, "param": None}
        # Twice: one SDK raises what stands in ``error``, others read the fields beside it.
        event = {"type": "error", "sequence_number": 0, **said}
        return data_frame({**event, "error": {"type": "server_error", **said}}, event="error")


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
