"""Chats of the AI SDK ask our server, by both of its transports."""

from __future__ import annotations

from pathlib import Path

from tests.interop import typescript
from tests.interop.waiting_model import serving

WHOLE = {"status": "ready", "error": None, "text": "Sunny and 🌊."}


async def test_a_chat_is_opened_again_stopped_left_and_calls_a_tool(tmp_path: Path) -> None:
    async with serving(tmp_path) as (model, url):
        printed = await typescript.run("ai_sdk_chat.ts", tmp_path, url)
    assert printed["stopped"] == 200
    assert printed["page"] == {"status": "ready", "error": None, "text": "Sunny "}
    assert printed["reloaded"] == printed["page"]
    assert printed["sameId"]
    assert printed["late"] == {"status": "ready", "error": None, "text": ""}
    assert printed["call"]["state"] == "input-available"
    assert printed["call"]["input"] == {"city": "Lisbon"}
    assert printed["caller"] == WHOLE
    assert printed["refused"]["status"] == "error"
    assert "no model 'none'" in printed["refused"]["error"]
    assert printed["left"] == {"status": "ready", "error": None, "text": "Sunny "}
    assert printed["returned"] == WHOLE
    told = [exchange.body["messages"] for exchange in model.exchanges]
    ((_, assistant, tool),) = [messages for messages in told if messages[-1]["role"] == "tool"]
    assert assistant["tool_calls"][0]["id"] == tool["tool_call_id"] == "call_1"
    assert tool["content"] == '{"sky":"clear"}'


async def test_the_transport_of_workflows_reads_on_by_chunk(tmp_path: Path) -> None:
    async with serving(tmp_path) as (_, url):
        printed = await typescript.run("ai_sdk_workflow.ts", tmp_path, url)
    (_, again) = printed["cut"].pop("asked")
    assert again.startswith(f"/{printed['run']}/stream?startIndex=")
    assert printed["cut"] == WHOLE
    asked = ["/w2/stream?startIndex=0", "/w2/stream?startIndex=4"]
    assert printed["reloaded"] == WHOLE | {"asked": asked}
    assert printed["page"] == WHOLE | {"asked": [""]}
    assert printed["stopped"] == {"status": "ready", "error": None, "text": "Sunny "}
    assert printed["tail"] == ["finish-step", "finish"]
