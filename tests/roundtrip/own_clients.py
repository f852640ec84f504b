"""Clients of the dialects that are ours, or in the manner of simple front ends."""

from __future__ import annotations

import json
from typing import Any

from tests.roundtrip.heard import Heard
from tidewire.wire.parser import ServerSentEvent

Events = list[ServerSentEvent]


def native(events: Events) -> Heard:
    heard = Heard()
    for event in events:
        data = json.loads(event.data)
        match event.event:
            case "run.started":
                heard.run, heard.session = data["run"], data["session"]
                heard.model = data["model"]
            case "text.delta":
                heard.say(heard.texts, data["part"], data["delta"])
            case "reasoning.delta":
                heard.say(heard.reasonings, data["part"], data["delta"])
            case "reasoning.end" if "signature" in data:
                heard.sign(data["signature"])
            case "tool.ready":
                _native_call(heard, data)
            case "source":
                heard.cite(data)
            case "usage":
                counts = [data.get(f"{name}_tokens", 0) for name in _COUNTS]
                heard.usage, heard.details = (counts[0], counts[1]), (counts[2], counts[3])
                heard.estimated = data.get("estimated", False)
            case "run.finished":
                heard.reason = data["reason"]
            case "run.stopped":
                heard.stopped = True
            case "run.failed":
                heard.fail(data["message"], data["code"], data["retryable"])
    return heard


_COUNTS = ("input", "output", "reasoning", "cached")


def _native_call(heard: Heard, ready: dict[str, Any]) -> None:
    id = ready["call"]
    heard.calls[id] = ready["name"], ready.get("invalid", ready.get("input"))
    if "invalid" in ready:
        heard.invalid.add(id)
    if "signature" in ready:
        heard.sign_call(id, ready["signature"])


def d(events: Events) -> Heard:
    heard = Heard()
    for event in events:
        match event.event:
            case "message":
                heard.say(heard.texts, 0, json.loads(event.data)["d"])
            case "done":
                heard.stopped = bool(event.data and json.loads(event.data)["stopped"])
            case "error":
                heard.fail(**json.loads(event.data))
    return heard


def chunk(events: Events) -> Heard:
    heard = Heard()
    for event in events:
        match json.loads(event.data):
            case {"type": "chunk", "content": content}:
                heard.say(heard.texts, 0, content)
            case {"type": "done", **rest}:
                heard.stopped = rest.get("stopped", False)
            case {"type": "error", **failure}:
                heard.fail(**failure)
    return heard


def delta(events: Events) -> Heard:
    heard = Heard()
    *said, done = events
    assert done.data == "[DONE]"
    for event in said:
        data = json.loads(event.data)
        if event.event == "error":
            heard.fail(**data)
        elif "sessionId" in data:
            heard.session = data["sessionId"]
        else:
            heard.say(heard.texts, 0, data["content"])
    return heard


def typewriter(events: Events) -> Heard:
    heard = Heard()
    typed: list[str] = []
    for event in events:
        match json.loads(event.data):
            case {"type": "chunk", "char": char, "index": index, "total": total}:
                assert index == len(typed) < total and len(char) == 1
                typed.append(char)
            case {"type": "end", "total": total, **rest}:
                assert total == len(typed)
                heard.stopped = rest.get("stopped", False)
            case {"type": "error", **failure}:
                heard.fail(**failure)
    heard.say(heard.texts, 0, "".join(typed))
    return heard
