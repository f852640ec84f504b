"""Questions with one piece in the wrong shape: answered or refused, never a 500."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from pydantic import ValidationError

from tidewire.errors import BadRequest
from tidewire.server.ag_ui_api import RunAgentInput
from tidewire.server.ai_sdk_api import Send
from tidewire.server.anthropic_api import Messages
from tidewire.server.openai_api import Completion
from tidewire.server.responses_api import Create

WRONG: list[Any] = [None, True, 7, "x", [], [None], [["x"]], {}, {"type": {}}, {"type": "text"}]

FUNCTION = {"name": "tide", "description": "how high", "parameters": {"type": "object"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "tide", "arguments": "{}"}}
SIGNED = {"tidewire": {"signature": "proof"}}
SCHEMA = {"name": "level", "schema": {"type": "object"}, "strict": True}
TEXT = {"type": "text", "text": "How high?"}

COMPLETION = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [TEXT, {"type": "image_url", "image_url": {"url": "u"}}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{**CALL, "extra_content": {"google": {"thought_signature": "proof"}}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "3 m"},
    ],
    "tools": [{"type": "function", "function": FUNCTION}],
    "tool_choice": {"type": "function", "function": {"name": "tide"}},
    "response_format": {"type": "json_schema", "json_schema": SCHEMA},
    "stop": ["."],
}
RESPONSE = {
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "How high?"}]},
        {"role": "user", "content": [{"type": "input_image", "image_url": "u"}]},
        {
            "type": "reasoning",
            "encrypted_content": "proof",
            "summary": [{"type": "summary_text", "text": "Think."}],
        },
        {"type": "function_call", "call_id": "c1", "name": "tide", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "3 m"},
    ],
    "tools": [{"type": "function", **FUNCTION}],
    "tool_choice": {"type": "function", "name": "tide"},
    "text": {"format": {"type": "json_schema", **SCHEMA}},
    "reasoning": {"effort": "low"},
}
MESSAGES = {
    "system": [TEXT],
    "messages": [
        {
            "role": "user",
            "content": [TEXT, {"type": "image", "source": {"type": "url", "url": "u"}}],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Think.", "signature": "proof"},
                {"type": "tool_use", "id": "c1", "name": "tide", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": [TEXT]}],
        },
    ],
    "tools": [{"name": "tide", "description": "how high", "input_schema": {}}],
    "tool_choice": {"type": "tool", "name": "tide", "disable_parallel_tool_use": True},
    "output_config": {"format": {"type": "json_schema", "schema": {}}, "effort": "low"},
}
CHAT = {
    "id": "c",
    "messages": [
        {"role": "user", "parts": [TEXT, {"type": "file", "mediaType": "image/png", "url": "u"}]},
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "text": "Think.", "providerMetadata": SIGNED},
                {
                    "type": "tool-tide",
                    "toolCallId": "c1",
                    "state": "output-available",
                    "input": {},
                    "output": {"height": 3},
                    "callProviderMetadata": SIGNED,
                },
                {"type": "step-start"},
                {
                    "type": "dynamic-tool",
                    "toolName": "tide",
                    "toolCallId": "c2",
                    "state": "output-error",
                    "errorText": "fog",
                },
            ],
        },
    ],
    "tools": {"tide": {"description": "how high", "parameters": {}}},
    "options": {"tool_choice": "tide", "output": {"schema": {}}, "stop": ["."]},
}
AGENT = {
    "threadId": "t",
    "runId": "r",
    "messages": [
        {"role": "user", "content": [TEXT]},
        {"role": "user", "content": [{"type": "image", "source": {"type": "url", "value": "u"}}]},
        {"role": "reasoning", "content": "Think.", "encryptedValue": "proof"},
        {"role": "assistant", "toolCalls": [{**CALL, "encryptedValue": "proof"}]},
        {"role": "tool", "toolCallId": "c1", "content": "3 m"},
    ],
    "tools": [FUNCTION],
    "context": [{"description": "where", "value": "Brest"}],
    "forwardedProps": {"options": {"temperature": 1}},
}


@pytest.mark.parametrize(
    ("kind", "whole"),
    [
        (Completion, COMPLETION),
        (Create, RESPONSE),
        (Messages, MESSAGES),
        (Send, CHAT),
        (RunAgentInput, AGENT),
    ],
)
def test_a_piece_in_the_wrong_shape_is_refused(kind: Any, whole: Any) -> None:
    assert kind.model_validate(whole).question()
    for place in _places(whole):
        for wrong in WRONG:
            with suppress(BadRequest, ValidationError):
                assert kind.model_validate(_with(whole, place, wrong)).question()


def _places(value: Any) -> Iterator[list[Any]]:
    """The ways to all that it holds."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in pairs:
        yield [name]
        if isinstance(inner, dict | list):
            yield from ([name, *rest] for rest in _places(inner))


def _with(value: Any, place: list[Any], other: Any) -> Any:
    """``value`` with ``other`` at a place in it."""
    if not place:
        return other
    name, *rest = place
    copied = value.copy()
    copied[name] = _with(value[name], rest, other)
    return copied
