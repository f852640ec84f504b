"""The output items of an OpenAI response, while they are made and when they are done.

A value each, so that encoders that hold them can be copied. Says nothing by itself.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from tidewire.answers.events import Source
from tidewire.dialects.strict import Pieces, whole

__all__ = ["Item", "Json", "citation"]

Json: TypeAlias = dict[str, Any]


class Item(NamedTuple):
    """``type``: message, reasoning or function_call. ``own``: fields of that type alone.
    ``said``: its text or its arguments so far. A message has one part, reasoning one
    summary."""

    output_index: int
    id: str
    type: str
    own: Json
    said: Pieces = None
    annotations: tuple[Json, ...] = ()

    @property
    def text(self) -> str:
        return whole(self.said)

    @property
    def place(self) -> Json:
        """What an event about the item begins with."""
        return {"item_id": self.id, "output_index": self.output_index}

    @property
    def part_place(self) -> Json:
        """What an event about its part or summary begins with."""
        part = "summary_index" if self.type == "reasoning" else "content_index"
        return {**self.place, part: 0}

    def json(self, status: str) -> Json:
        """The item as it is; while it is ``in_progress`` without what it says."""
        is_new = status == "in_progress"
        head = {"id": self.id, "type": self.type}
        if self.type == "function_call":
            return {**head, **self.own, "arguments": self.text, "status": status}
        parts = [] if is_new else [self.part()]
        if self.type == "reasoning":
            return {**head, "summary": parts, **self.own}
        return {**head, "role": "assistant", "content": parts, "status": status}

    def part(self) -> Json:
        """Its part or its summary as it is."""
        if self.type == "reasoning":
            return {"type": "summary_text", "text": self.text}
        return {"type": "output_text", "text": self.text, "annotations": self.annotations}


def citation(source: Source) -> Json:
    """Where in the text it is cited is not known: at its beginning, of no length."""
    if source.url is None:
        file = source.document or source.id
        name = source.title or file
        return {"type": "file_citation", "file_id": file, "filename": name, "index": 0}
    title = source.title or source.url
    place = {"start_index": 0, "end_index": 0}
    return {"type": "url_citation", "url": source.url, "title": title, **place}
