"""What of an answer goes with the next question, and as which turns."""

from __future__ import annotations

from tidewire.answers.events import (
    AnswerEvent,
    ReasoningDelta,
    ReasoningEnd,
    Source,
    TextDelta,
    ToolArgs,
    ToolError,
    ToolReady,
    ToolResult,
)
from tidewire.answers.fold import fold
from tidewire.chat.turns import turns
from tidewire.models.base import ChatMessage, Text, Thought, ToolCall


def told(*events: AnswerEvent) -> list[ChatMessage]:
    return list(turns(fold(events), calls="call_7"))


def test_signed_thoughts_text_calls_and_results_step_by_step() -> None:
    assert told(
        ReasoningDelta("r1", "Hm."),
        ReasoningEnd("r1", "sig"),
        TextDelta("t1", "I look."),
        ToolReady("x", "tide", {"port": "Brest"}, signature="proof"),
        ToolReady("y", "now"),
        ToolResult("x", {"height": 7.1}),
        ToolResult("y", "noon"),
        ReasoningDelta("r2", "So."),
        TextDelta("t2", "High water."),
        Source("s1", url="https://tides.example/"),
    ) == [
        ChatMessage(
            "assistant",
            [Thought("Hm.", "sig"), Text("I look.")],
            [ToolCall("call_7_1", "tide", {"port": "Brest"}, "proof"), ToolCall("call_7_2", "now")],
        ),
        ChatMessage("tool", '{"height":7.1}', tool_call_id="call_7_1"),
        ChatMessage("tool", "noon", tool_call_id="call_7_2"),
        ChatMessage("assistant", [Text("High water.")]),
    ]


def test_a_call_that_failed_is_told_with_its_error() -> None:
    assert told(ToolReady("x", "tide", {}), ToolError("x", "No network.")) == [
        ChatMessage("assistant", [], [ToolCall("call_7_1", "tide")]),
        ChatMessage("tool", '{"error":"No network."}', tool_call_id="call_7_1"),
    ]


def test_calls_that_nobody_answered_are_left_out() -> None:
    asked = (ToolReady("x", "tide", {}), ToolArgs("y", '{"po'))
    assert told(TextDelta("t1", "I look."), *asked) == [ChatMessage("assistant", [Text("I look.")])]
    assert told(ReasoningDelta("r1", "Hm."), ReasoningEnd("r1", "sig"), *asked) == []


def test_nothing_blank_is_said_again() -> None:
    assert told(TextDelta("t1", " \n"), ReasoningDelta("r1", "Hm.")) == []


def test_what_a_vendor_has_encrypted_is_not_told_to_a_model() -> None:
    page = {"url": "https://tides.example/", "encrypted_content": "Eq" * 999}
    (_, result) = told(ToolReady("x", "web_search"), ToolResult("x", [page]))
    assert result.content == '[{"url":"https://tides.example/"}]'
