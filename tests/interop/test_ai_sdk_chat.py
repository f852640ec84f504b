"""A chat of the AI SDK asks our server: it is opened again, stopped, and calls a tool."""

from __future__ import annotations

from pathlib import Path

from tests.interop import typescript
from tests.interop.waiting_model import serving


async def test_a_chat_is_opened_again_stopped_and_calls_a_tool(tmp_path: Path) -> None:
    async with serving(tmp_path) as (model, url):
        printed = await typescript.run("ai_sdk_chat.ts", tmp_path, url)
    assert printed["stopped"] == 200
    assert printed["page"] == {"status": "ready", "error": None, "text": "Sunny "}
    assert printed["reloaded"] == printed["page"]
    assert printed["sameId"]
    assert printed["late"] == {"status": "ready", "error": None, "text": ""}
    assert printed["call"]["state"] == "input-available"
    assert printed["call"]["input"] == {"city": "Lisbon"}
    assert printed["caller"] == {"status": "ready", "error": None, "text": "Sunny and 🌊."}
    assert printed["refused"]["status"] == "error"
    assert "no model 'none'" in printed["refused"]["error"]
    user, assistant, tool = model.body["messages"]
    assert assistant["tool_calls"][0]["id"] == tool["tool_call_id"] == "call_1"
    assert tool["content"] == '{"sky":"clear"}'
