"""What a front end has heard of an answer; to be compared with what was said."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tidewire.answers.events import AnswerEvent
from tidewire.answers.fold import ReasoningPart, TextPart, ToolPart, fold


@dataclass
class Heard:
    """Texts, reasonings and calls (name, arguments) in the order in which they began."""

    texts: dict[Any, str] = field(default_factory=dict)
    reasonings: dict[Any, str] = field(default_factory=dict)
    calls: dict[Any, tuple[str, str]] = field(default_factory=dict)
    tokens: tuple[int, int] | None = None
    failure: str | None = None

    def call(self, id: Any, delta: str) -> None:
        name, arguments = self.calls[id]
        self.calls[id] = name, arguments + delta

    @property
    def all(self) -> tuple[Any, ...]:
        """Everything, but parts in which nothing was said."""
        texts = [text for text in self.texts.values() if text]
        reasonings = [text for text in self.reasonings.values() if text]
        return texts, reasonings, self.calls, self.tokens, self.failure


def said(answer: list[AnswerEvent]) -> Heard:
    """What there is to hear of an answer."""
    message = fold(answer)
    heard = Heard()
    for part in message.parts:
        match part:
            case TextPart(id=id, text=text):
                heard.texts[id] = text
            case ReasoningPart(id=id, text=text):
                heard.reasonings[id] = text
            case ToolPart(id=id, name=name, args=args):
                is_ready = part.state not in ("input-streaming", "invalid")
                whole = json.dumps(part.input, ensure_ascii=False, separators=(",", ":"))
                heard.calls[id] = name, args or (whole if is_ready else "")
    if message.usage is not None:
        heard.tokens = message.usage.input_tokens, message.usage.output_tokens
    heard.failure = message.error.message if message.error else None
    return heard
