"""A client of each dialect: reads what it needs, as its protocol says, and nothing of ours.

That the order of events is one which the protocol allows is looked at elsewhere
(tests/unit/dialects/grammars.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.roundtrip import own_clients
from tests.roundtrip.heard import Heard
from tests.roundtrip.own_clients import Events

Json = dict[str, Any]


def dify(events: Events) -> Heard:
    heard = Heard()
    for event in events:
        data = json.loads(event.data)
        heard.run, heard.session = data["message_id"], data["conversation_id"]
        match data["event"]:
            case "message":
                heard.say(heard.texts, 0, data["answer"])
            case "agent_thought" if data["tool"]:
                heard.call(data["id"], data["tool"], data["tool_input"])
            case "agent_thought":
                heard.say(heard.reasonings, data["id"], data["thought"])
            case "message_end":
                _dify_metadata(heard, data["metadata"])
            case "error":
                heard.fail(data["message"], data["code"], data["status"] == 503)
    return heard


def _dify_metadata(heard: Heard, metadata: Json) -> None:
    usage = metadata["usage"]
    heard.usage = usage["prompt_tokens"], usage["completion_tokens"]
    for found in metadata["retriever_resources"]:
        if found["data_source_type"] == "website":
            heard.cite_page(found["url"], found["document_name"], found["content"])
        else:
            heard.cite_document(found["document_id"], found["document_name"], found["content"])


def openai(events: Events) -> Heard:
    heard = Heard()
    calls: dict[int, tuple[str, str, list[str]]] = {}
    *chunks, done = events
    assert done.data == "[DONE]"
    for event in chunks:
        data = json.loads(event.data)
        if error := data.get("error"):
            heard.fail(error["message"], error["code"], error["retryable"])
            continue
        heard.run, heard.model = data["id"], data["model"]
        (choice,) = data["choices"]
        said = choice["delta"]
        heard.say(heard.texts, 0, said.get("content", ""))
        heard.say(heard.reasonings, 0, said.get("reasoning_content", ""))
        for piece in said.get("tool_calls", ()):
            function = piece["function"]
            if "id" in piece:
                calls[piece["index"]] = piece["id"], function["name"], []
            calls[piece["index"]][2].append(function["arguments"])
            if extra := piece.get("extra_content"):
                heard.sign_call(calls[piece["index"]][0], extra["google"]["thought_signature"])
        for cited in said.get("annotations", ()):
            heard.cite_page(cited["url_citation"]["url"], cited["url_citation"]["title"])
        heard.reason = choice["finish_reason"]
        if usage := data.get("usage"):
            heard.usage = usage["prompt_tokens"], usage["completion_tokens"]
            reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
            heard.details = reasoning, usage["prompt_tokens_details"]["cached_tokens"]
    for id, name, arguments in calls.values():
        heard.call(id, name, "".join(arguments))
    return heard


def openai_responses(events: Events) -> Heard:
    heard = Heard()
    for event in events:
        match json.loads(event.data):
            case {"type": "response.output_text.delta", "item_id": id, "delta": delta}:
                heard.say(heard.texts, id, delta)
            case {"type": "response.reasoning_summary_text.delta", "item_id": id, "delta": delta}:
                heard.say(heard.reasonings, id, delta)
            case {"type": "response.output_text.annotation.added", "annotation": cited}:
                if cited["type"] == "url_citation":
                    heard.cite_page(cited["url"], cited["title"])
                else:
                    heard.cite_document(cited["file_id"], cited["filename"])
            case {"type": "response.output_item.done", "item": item}:
                _responses_item(heard, item)
            case {"response": {"status": status} as response} if status != "in_progress":
                _response(heard, response)
    return heard


def _responses_item(heard: Heard, item: Json) -> None:
    if item["type"] == "function_call":
        heard.call(item["call_id"], item["name"], item["arguments"])
    elif signature := item.get("encrypted_content"):
        heard.sign(signature)


def _response(heard: Heard, response: Json) -> None:
    heard.run, heard.model = response["id"], response["model"]
    heard.session = response["metadata"]["session"]
    usage = response["usage"]
    heard.usage = usage["input_tokens"], usage["output_tokens"]
    heard.details = (
        usage["output_tokens_details"]["reasoning_tokens"],
        usage["input_tokens_details"]["cached_tokens"],
    )
    match response:
        case {"status": "completed", "output": output}:
            called = any(item["type"] == "function_call" for item in output)
            heard.reason = "tool_calls" if called else "stop"
        case {"status": "incomplete", "incomplete_details": {"reason": reason}}:
            heard.reason = {"max_output_tokens": "length"}.get(reason, reason)
        case {"status": "cancelled"}:
            heard.stopped = True
        case {"status": "failed", "error": error}:
            heard.fail(error["message"], error["code"], error["retryable"])


def anthropic(events: Events) -> Heard:
    heard = Heard()
    calls: dict[int, tuple[str, str, list[str]]] = {}
    for event in events:
        match json.loads(event.data):
            case {"type": "message_start", "message": message}:
                heard.run, heard.model = message["id"], message["model"]
            case {"type": "content_block_start", "content_block": {"type": "tool_use"} as b, **at}:
                calls[at["index"]] = b["id"], b["name"], []
            case {"type": "content_block_delta", "index": index, "delta": delta}:
                _anthropic_delta(heard, index, delta, calls)
            case {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}:
                heard.reason, heard.stopped = _STOP_REASONS.get(reason), reason is None
                cached = usage["cache_read_input_tokens"]
                heard.usage = usage["input_tokens"] + cached, usage["output_tokens"]
                heard.details = usage["output_tokens_details"]["thinking_tokens"], cached
            case {"type": "error", "error": error}:
                heard.fail(error["message"], error["code"], error["retryable"])
    for id, name, arguments in calls.values():
        heard.call(id, name, "".join(arguments))
    return heard


_STOP_REASONS = {
    "end_turn": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def _anthropic_delta(
    heard: Heard, index: int, delta: Json, calls: dict[int, tuple[str, str, list[str]]]
) -> None:
    match delta:
        case {"text": text}:
            heard.say(heard.texts, index, text)
        case {"thinking": thinking}:
            heard.say(heard.reasonings, index, thinking)
        case {"signature": signature}:
            heard.sign(signature)
        case {"partial_json": fragment}:
            calls[index][2].append(fragment)
        case {"citation": {"title": title, "cited_text": quote} as cited}:
            if cited["type"] == "web_search_result_location":
                heard.cite_page(cited["url"], title, quote)
            else:
                heard.cite_document(cited["source"], title, quote)


def ai_sdk(events: Events) -> Heard:
    heard = Heard()
    *chunks, done = events
    assert done.data == "[DONE]"
    for event in chunks:
        data = json.loads(event.data)
        own = data.get("providerMetadata", {}).get("tidewire", {})
        match data:
            case {"type": "start", "messageId": run, "messageMetadata": about}:
                heard.run, heard.session, heard.model = run, about["session"], about["model"]
            case {"type": "text-delta", "id": id, "delta": delta}:
                heard.say(heard.texts, id, delta)
            case {"type": "reasoning-delta", "id": id, "delta": delta}:
                heard.say(heard.reasonings, id, delta)
            case {"type": "reasoning-end"} if "signature" in own:
                heard.sign(own["signature"])
            case {"type": "tool-input-available" | "tool-input-error", "toolCallId": id}:
                heard.calls[id] = data["toolName"], data["input"]
                if "errorText" in data:
                    heard.invalid.add(id)
                if "signature" in own:
                    heard.sign_call(id, own["signature"])
            case {"type": "source-url", "url": url}:
                heard.cite_page(url, data.get("title"), own.get("quote"))
            case {"type": "source-document", "title": title, "filename": name}:
                heard.cite_document(name, title, own.get("quote"))
            case {"type": "message-metadata", "messageMetadata": {"error": error}}:
                heard.code, heard.retryable = error["code"], error["retryable"]
            case {"type": "error", "errorText": message}:
                heard.fail(message, heard.code, heard.retryable)
            case {"type": "abort"}:
                heard.stopped = True
            case {"type": "finish", "finishReason": reason, "messageMetadata": {"usage": usage}}:
                heard.reason = reason.replace("-", "_")
                heard.usage = usage["inputTokens"], usage["outputTokens"]
                heard.details = usage["reasoningTokens"], usage["cachedInputTokens"]
                heard.estimated = usage["estimated"]
    return heard


def ag_ui(events: Events) -> Heard:
    heard = Heard()
    calls: dict[str, tuple[str, list[str]]] = {}
    for event in events:
        match json.loads(event.data):
            case {"type": "RUN_STARTED", "threadId": thread, "runId": run}:
                heard.run, heard.session = run, thread
            case {"type": "TEXT_MESSAGE_CONTENT", "messageId": id, "delta": delta}:
                heard.say(heard.texts, id, delta)
            case {"type": "REASONING_MESSAGE_CONTENT", "messageId": id, "delta": delta}:
                heard.say(heard.reasonings, id, delta)
            case {"type": "REASONING_ENCRYPTED_VALUE", "subtype": kind, "entityId": id, **value}:
                signature = value["encryptedValue"]
                heard.sign(signature) if kind == "message" else heard.sign_call(id, signature)
            case {"type": "TOOL_CALL_START", "toolCallId": id, "toolCallName": name}:
                calls[id] = name, []
            case {"type": "TOOL_CALL_ARGS", "toolCallId": id, "delta": delta}:
                calls[id][1].append(delta)
            case {"type": "CUSTOM", "name": "source", "value": source}:
                heard.cite(source)
            case {"type": "RUN_FINISHED" | "RUN_ERROR", "usage": [usage]} as end:
                heard.model = usage["model"]
                heard.usage = usage["inputTokens"], usage["outputTokens"]
                heard.details = usage["reasoningTokens"], usage["cachedInputTokens"]
                _ag_ui_end(heard, end)
    for id, (name, arguments) in calls.items():
        heard.call(id, name, "".join(arguments))
    return heard


def _ag_ui_end(heard: Heard, end: Json) -> None:
    match end:
        case {"type": "RUN_ERROR", "message": message, "code": code, "metadata": metadata}:
            heard.fail(message, code, metadata["retryable"])
        case {"outcome": {"type": "cancelled"}}:
            heard.stopped = True
        case {"result": {"finishReason": reason}}:
            heard.reason = reason


CLIENTS: dict[str, Callable[[Events], Heard]] = {
    "native": own_clients.native,
    "d": own_clients.d,
    "chunk": own_clients.chunk,
    "delta": own_clients.delta,
    "typewriter": own_clients.typewriter,
    "dify": dify,
    "openai": openai,
    "openai-responses": openai_responses,
    "anthropic": anthropic,
    "ai-sdk": ai_sdk,
    "ag-ui": ag_ui,
}
