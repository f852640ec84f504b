"""Reading Gemini's content stream into answer events.

The pure half of models/gemini.py. Calls come whole. The stream has no terminator: the
answer is complete with its ``finishReason``, and the stream over when it ends. A
signature belongs to the part that it stands in: on a call it goes with ``tool.ready``,
on a thought with ``reasoning.end``, and one of a text stands in a reasoning part of its
own, empty, after the text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from tidewire.answers.events import AnswerEvent, File, ToolResult, Usage
from tidewire.models.reader import StreamReader

__all__ = ["Reader"]

_CODE_TOOL = "code_execution"


class _Struct(msgspec.Struct, rename="camel", gc=False):
    pass


class _FunctionCall(_Struct, gc=False):
    name: str
    id: str | None = None
    args: Any = None


class _Blob(_Struct, gc=False):
    mime_type: str | None = None
    data: str = ""
    file_uri: str = ""


class _Code(_Struct, gc=False):
    language: str | None = None
    code: str | None = None
    outcome: str | None = None
    output: str | None = None


class _Part(_Struct, gc=False):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: _FunctionCall | None = None
    inline_data: _Blob | None = None
    file_data: _Blob | None = None
    executable_code: _Code | None = None
    code_execution_result: _Code | None = None


class _Content(_Struct, gc=False):
    parts: list[_Part] | None = None


class _Place(_Struct, gc=False):
    uri: str | None = None
    title: str | None = None
    text: str | None = None


class _GroundingChunk(_Struct, gc=False):
    web: _Place | None = None
    maps: _Place | None = None
    retrieved_context: _Place | None = None


class _Grounding(_Struct, gc=False):
    grounding_chunks: list[_GroundingChunk] | None = None


class _Citations(_Struct, gc=False):
    citation_sources: list[_Place] | None = None
    citations: list[_Place] | None = None  # Vertex calls them so


class _Candidate(_Struct, gc=False):
    content: _Content | None = None
    index: int | None = None
    finish_reason: str | None = None
    grounding_metadata: _Grounding | None = None
    citation_metadata: _Citations | None = None


class _Usage(_Struct, gc=False):
    prompt_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    cached_content_token_count: int | None = None


class _Feedback(_Struct, gc=False):
    block_reason: str | None = None


class _Chunk(_Struct, gc=False):
    candidates: list[_Candidate] | None = None
    usage_metadata: _Usage | None = None
    prompt_feedback: _Feedback | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode


class Reader(StreamReader):
    """See StreamReader."""

    reasons = {
        "STOP": "stop",
        "FUNCTION_CALL": "tool_calls",
        "MAX_TOKENS": "length",
        "SAFETY": "content_filter",
        "RECITATION": "content_filter",
        "BLOCKLIST": "content_filter",
        "PROHIBITED_CONTENT": "content_filter",
        "SPII": "content_filter",
        "MODEL_ARMOR": "content_filter",
        "IMAGE_SAFETY": "content_filter",
        "IMAGE_PROHIBITED_CONTENT": "content_filter",
        "IMAGE_RECITATION": "content_filter",
    }

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__(secrets)
        self._codes = 0

    def feed(self, data: str) -> list[AnswerEvent]:
        chunk = self._decode(_decode, data)
        if chunk.error:
            raise self._error(chunk.error)
        if chunk.usage_metadata is not None:
            self.usage = _usage(chunk.usage_metadata)
        if chunk.candidates:
            return self._candidate(chunk.candidates[0])
        if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
            return self._finish_as("content_filter")
        return []

    def _candidate(self, candidate: _Candidate) -> list[AnswerEvent]:
        if candidate.index:
            return []  # a second alternative, never asked for
        events: list[AnswerEvent] = []
        for part in (candidate.content and candidate.content.parts) or ():
            events += self._part(part)
        events += self._cite(candidate)
        if candidate.finish_reason:
            events += self._finish(candidate.finish_reason)
        return events

    def _part(self, part: _Part) -> list[AnswerEvent]:
        proof = part.thought_signature
        signature = self._signed(proof) if proof else None
        if part.function_call is not None:
            return self._call(part.function_call, signature)
        events = self._content(part)
        return events + self._parts.sign(signature) if signature else events

    def _content(self, part: _Part) -> list[AnswerEvent]:
        if part.text is not None:
            return self._parts.reasoning(part.text) if part.thought else self._parts.text(part.text)
        if (blob := part.inline_data or part.file_data) is not None:
            return self._parts.close() + _file(blob)
        if part.executable_code is not None:
            return self._code(part.executable_code)
        if part.code_execution_result is not None:
            return self._code_result(part.code_execution_result)
        return []

    def _call(self, call: _FunctionCall, signature: str | None) -> list[AnswerEvent]:
        self._called = True
        return self._whole_call(call.name, call.args, id=call.id, signature=signature)

    def _code(self, code: _Code) -> list[AnswerEvent]:
        """What the vendor runs itself is a call too, with its result."""
        self._codes += 1
        written = {"language": code.language, "code": code.code}
        return self._whole_call(_CODE_TOOL, written, id=self._code_call())

    def _code_result(self, code: _Code) -> list[AnswerEvent]:
        if not self._codes:
            return []
        result = {"outcome": code.outcome, "output": code.output}
        return [*self._parts.close(), ToolResult(self._code_call(), result)]

    def _code_call(self) -> str:
        return f"code_{self._codes}"

    def _cite(self, candidate: _Candidate) -> list[AnswerEvent]:
        events: list[AnswerEvent] = []
        grounding = candidate.grounding_metadata
        for chunk in (grounding and grounding.grounding_chunks) or ():
            if (place := chunk.web or chunk.maps) is not None:
                events += self._sources.cite(url=place.uri, title=place.title)
            elif (found := chunk.retrieved_context) is not None:
                events += self._sources.cite(
                    document=found.uri or found.title, title=found.title, quote=found.text
                )
        citations = candidate.citation_metadata
        for place in (citations and (citations.citation_sources or citations.citations)) or ():
            events += self._sources.cite(url=place.uri, title=place.title)
        return events


def _file(blob: _Blob) -> list[AnswerEvent]:
    kind = blob.mime_type or "application/octet-stream"
    return [File(blob.file_uri or f"data:{kind};base64,{blob.data}", kind)]


def _usage(usage: _Usage) -> Usage:
    """The vendor counts thoughts, and what its own tools put in, apart."""
    thoughts = usage.thoughts_token_count or 0
    return Usage(
        input_tokens=(usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
        output_tokens=(usage.candidates_token_count or 0) + thoughts,
        reasoning_tokens=thoughts,
        cached_tokens=usage.cached_content_token_count or 0,
    )
