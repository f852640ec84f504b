"""Readers of the protocols that others made: strict, and written from their descriptions.

Each checks that the events are in an order which the protocol allows, with the fields
that it requires, and gives what it has heard.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.unit.dialects.heard import Heard
from tidewire.wire.parser import ServerSentEvent

Events = list[ServerSentEvent]


def unnamed(events: Events, *, with_ids: bool) -> list[dict[str, Any]]:
    """The JSON of events that have no name."""
    assert all(event.event == "message" for event in events)
    assert with_ids or not any(event.id for event in events)
    return [json.loads(event.data) for event in events]


def named(events: Events) -> list[dict[str, Any]]:
    """The JSON of events whose type is their name."""
    found = [json.loads(event.data) for event in events]
    assert [data["type"] for data in found] == [event.event for event in events]
    return found


def done_at_end(events: Events) -> Events:
    assert [event.data == "[DONE]" for event in events] == [False] * (len(events) - 1) + [True]
    return events[:-1]


def openai(events: Events) -> Heard:
    heard = Heard()
    first, *rest = unnamed(done_at_end(events), with_ids=False)
    assert first["choices"][0]["delta"]["role"] == "assistant"
    calls: list[str] = []
    for chunk in rest:
        if "error" in chunk:
            assert chunk is rest[-1] and {"type", "code", "param"} <= chunk["error"].keys()
            heard.failure = chunk["error"]["message"]
            continue
        for key in ("id", "created", "object"):
            assert chunk[key] == first[key]
        assert chunk["model"] in (first["model"], "n")  # of run.model
        (choice,) = chunk["choices"]
        assert choice["index"] == 0 and (choice["finish_reason"] is None) == (chunk is not rest[-1])
        assert choice["finish_reason"] in (None, "stop", "length", "tool_calls", "content_filter")
        delta = choice["delta"]
        _say(heard.texts, 0, delta.get("content", ""))
        _say(heard.reasonings, 0, delta.get("reasoning_content", ""))
        for call in delta.get("tool_calls", []):
            if "id" in call:
                assert call["index"] == len(calls) and call["type"] == "function"
                calls.append(call["id"])
                heard.calls[call["id"]] = call["function"]["name"], ""
            heard.call(calls[call["index"]], call["function"]["arguments"])
        if "usage" in chunk:
            usage = chunk["usage"]
            heard.tokens = usage["prompt_tokens"], usage["completion_tokens"]
    return heard


def openai_responses(events: Events) -> Heard:
    assert not any(event.id for event in events)
    data = named(events)
    assert [event["sequence_number"] for event in data] == list(range(len(data)))
    kinds = [event["type"].removeprefix("response.") for event in data]
    assert kinds[:2] == ["created", "in_progress"]
    assert kinds[-1] in ("completed", "incomplete", "failed")
    items: dict[int, dict[str, Any]] = {}
    texts: dict[int, str] = {}
    done: dict[int, dict[str, Any]] = {}
    for kind, event in zip(kinds[2:-1], data[2:-1], strict=True):
        index = event["output_index"]
        if kind == "output_item.added":
            assert index == len(items)
            items[index], texts[index] = event["item"], ""
            continue
        item = items[index]
        assert index not in done
        if kind == "output_item.done":
            done[index] = event["item"]
            assert (event["item"]["id"], event["item"]["type"]) == (item["id"], item["type"])
            continue
        assert event["item_id"] == item["id"]
        if kind.endswith(".delta"):
            texts[index] += event["delta"]
        elif kind.endswith("text.done"):
            assert event["text"] == texts[index]
        elif kind.endswith("arguments.done"):
            assert event["arguments"] == texts[index]
    response = data[-1]["response"]
    assert response["output"] == [done[index] for index in sorted(items)]
    return _response(response, texts)


def _response(response: dict[str, Any], texts: dict[int, str]) -> Heard:
    """What a response says as a whole, which is what its deltas have said."""
    heard = Heard()
    for index, item in enumerate(response["output"]):
        if item["type"] == "function_call":
            assert item["arguments"] == texts[index]
            heard.calls[item["call_id"]] = item["name"], item["arguments"]
            continue
        (part,) = item["content" if item["type"] == "message" else "summary"]
        assert part["text"] == texts[index]
        told = heard.texts if item["type"] == "message" else heard.reasonings
        told[index] = part["text"]
    if response["usage"] is not None:
        heard.tokens = response["usage"]["input_tokens"], response["usage"]["output_tokens"]
    heard.failure = response["error"] and response["error"]["message"]
    return heard


BLOCKS = {
    "text_delta": ("text", "text"),
    "citations_delta": ("text", "citation"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
    "input_json_delta": ("tool_use", "partial_json"),
}


def anthropic(events: Events) -> Heard:
    heard = Heard()
    first, *rest = named(events)
    assert first["type"] == "message_start" and first["message"]["content"] == []
    blocks: list[dict[str, Any]] = []
    closed: list[int] = []
    for event in rest:
        match event["type"]:
            case "content_block_start":
                assert event["index"] == len(blocks)
                blocks.append(event["content_block"])
                if blocks[-1]["type"] == "text":
                    heard.texts[event["index"]] = ""
                elif blocks[-1]["type"] == "thinking":
                    heard.reasonings[event["index"]] = ""
                else:
                    heard.calls[blocks[-1]["id"]] = blocks[-1]["name"], ""
            case "content_block_delta":
                index, delta = event["index"], event["delta"]
                type, field = BLOCKS[delta["type"]]
                assert blocks[index]["type"] == type and index not in closed
                if delta["type"] == "text_delta":
                    _say(heard.texts, index, delta[field])
                elif delta["type"] == "thinking_delta":
                    _say(heard.reasonings, index, delta[field])
                elif delta["type"] == "input_json_delta":
                    heard.call(blocks[index]["id"], delta[field])
            case "content_block_stop":
                assert event["index"] < len(blocks) and event["index"] not in closed
                closed.append(event["index"])
            case "message_delta":
                assert event is rest[-2] and len(closed) == len(blocks)
                usage = event["usage"]
                input_tokens = usage["input_tokens"] + usage["cache_read_input_tokens"]
                heard.tokens = input_tokens, usage["output_tokens"]
            case "error":
                assert event is rest[-1] and len(closed) == len(blocks)
                heard.failure = event["error"]["message"]
            case type:
                assert type == "message_stop" and event is rest[-1]
    return heard


def ai_sdk(events: Events) -> Heard:
    heard = Heard()
    first, second, *rest = unnamed(done_at_end(events), with_ids=False)
    assert (first["type"], second["type"]) == ("start", "start-step")
    open_parts: set[tuple[str, str]] = set()
    in_step = True
    for chunk in rest:
        kind, _, verb = chunk["type"].rpartition("-")
        if chunk["type"] == "tool-input-start":
            assert chunk["toolCallId"] not in heard.calls
            heard.calls[chunk["toolCallId"]] = chunk["toolName"], ""
        elif chunk["type"].startswith("tool-"):
            assert chunk["toolCallId"] in heard.calls
            heard.call(chunk["toolCallId"], chunk.get("inputTextDelta", ""))
        elif kind in ("text", "reasoning"):
            key = kind, chunk["id"]
            assert (key in open_parts) == (verb != "start") and in_step
            _say(heard.texts if kind == "text" else heard.reasonings, key, chunk.get("delta", ""))
            (open_parts.add if verb == "start" else open_parts.discard)(key)
            if verb == "delta":
                open_parts.add(key)
        elif kind in ("start", "finish") and verb == "step":
            assert in_step == (kind == "finish") and not open_parts
            in_step = kind == "start"
        elif chunk["type"] == "error":
            heard.failure = chunk["errorText"]
        elif chunk["type"] == "finish":
            assert chunk is rest[-1] and not open_parts
            usage = chunk.get("messageMetadata", {}).get("usage")
            heard.tokens = usage and (usage["inputTokens"], usage["outputTokens"])
        else:
            known = ("source-url", "source-document", "file", "abort", "message-metadata")
            assert chunk["type"] in known or chunk["type"].startswith("data-")
    assert rest[-1]["type"] == "finish"
    return heard


AG_UI_PARTS = {
    "TEXT_MESSAGE": "messageId",
    "REASONING": "messageId",
    "REASONING_MESSAGE": "messageId",
    "TOOL_CALL": "toolCallId",
}


def ag_ui(events: Events) -> Heard:
    heard = Heard()
    first, *rest = unnamed(events, with_ids=True)
    assert first["type"] == "RUN_STARTED" and first["runId"] and first["threadId"]
    open_parts: set[tuple[str, str]] = set()
    for event in rest:
        kind, _, verb = event["type"].rpartition("_")
        if kind in AG_UI_PARTS and verb != "RESULT":
            key = kind, event[AG_UI_PARTS[kind]]
            assert (key in open_parts) == (verb != "START")
            if verb in ("START", "END"):
                (open_parts.add if verb == "START" else open_parts.remove)(key)
            _ag_ui_say(heard, kind, event)
        elif kind == "RUN":
            assert event is rest[-1] and not open_parts
            assert verb == "ERROR" or event["runId"] == first["runId"]
            heard.failure = event.get("message")
            for usage in event.get("usage", []):
                heard.tokens = usage["inputTokens"], usage["outputTokens"]
        else:
            known = ("CUSTOM", "TOOL_CALL_RESULT", "REASONING_ENCRYPTED_VALUE")
            assert event["type"] in known
    return heard


def _ag_ui_say(heard: Heard, kind: str, event: dict[str, Any]) -> None:
    delta = event.get("delta", "")
    assert delta or "delta" not in event  # earlier clients refuse an empty one
    if kind == "TOOL_CALL":
        id = event["toolCallId"]
        heard.calls.setdefault(id, (event.get("toolCallName", ""), ""))
        heard.call(id, delta)
    else:
        _say(heard.texts if kind == "TEXT_MESSAGE" else heard.reasonings, event["messageId"], delta)


def dify(events: Events) -> Heard:
    heard = Heard()
    data = unnamed(events, with_ids=True)
    about = ("task_id", "message_id", "conversation_id", "created_at")
    for event in data:
        assert [event[key] for key in about] == [data[0][key] for key in about]
        match event["event"]:
            case "message":
                _say(heard.texts, 0, event["answer"])
            case "agent_thought" if event["tool"]:
                heard.calls[event["id"]] = event["tool"], event["tool_input"]
            case "agent_thought":
                _say(heard.reasonings, event["id"], event["thought"])
            case "message_end":
                assert event is data[-1]
                usage = event["metadata"].get("usage")
                heard.tokens = usage and (usage["prompt_tokens"], usage["completion_tokens"])
            case "error":
                assert event is data[-1] and event["status"] in (500, 503)
                heard.failure = event["message"]
            case kind:
                assert kind == "message_file" and event["belongs_to"] == "assistant"
    return heard


def _say(told: dict[Any, str], key: Any, delta: str) -> None:
    told[key] = told.get(key, "") + delta


GRAMMARS: dict[str, Callable[[Events], Heard]] = {
    "dify": dify,
    "openai": openai,
    "openai-responses": openai_responses,
    "anthropic": anthropic,
    "ai-sdk": ai_sdk,
    "ag-ui": ag_ui,
}
