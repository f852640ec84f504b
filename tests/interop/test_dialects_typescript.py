"""The AI SDK and AG-UI's client read our streams, over a cut too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop import typescript
from tests.interop.scripted_server import ScriptedServer, silence
from tidewire.answers.events import (
    Data,
    File,
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    Source,
    TextDelta,
    TextEnd,
    TextStart,
    ToolArgs,
    ToolError,
    ToolReady,
    ToolResult,
    ToolStart,
    Usage,
)
from tidewire.errors import UpstreamBroken
from tidewire.models.base import Finish

BEFORE = [
    ReasoningStart("r1"), ReasoningDelta("r1", "Let me "), ReasoningDelta("r1", "see."),
    ReasoningEnd("r1", "proof"),
    ToolStart("c1", "weather"), ToolArgs("c1", '{"city":'), ToolArgs("c1", '"Lisbon"}'),
    ToolReady("c1", "weather", {"city": "Lisbon"}), ToolResult("c1", {"sky": "clear"}),
    ToolStart("c2", "tide"), ToolArgs("c2", "{]"), ToolReady("c2", "tide", invalid="{]"),
    ToolStart("c3", "moon"), ToolReady("c3", "moon", {}), ToolError("c3", "No moon."),
    TextStart("t1"), TextDelta("t1", "It is "), silence, TextDelta("t1", "clear "),
]  # fmt: skip
AFTER = [
    TextDelta("t1", "🌊."), TextEnd("t1"),
    Source("s1", url="https://example.com/", title="Weather", quote="Sun."),
    Source("s2", document="doc_1", title="A paper"),
    Data("card", {"n": 1}, "x"), Data("card", {"n": 2}, "x"), Data("hint", "soon", transient=True),
    File("data:text/plain,x", "text/plain", "x.txt"),
    Usage(12, 7), Finish("length"),
]  # fmt: skip
ANSWER = [*BEFORE, *AFTER]


async def breaks_off() -> None:
    raise UpstreamBroken("The model broke off.")


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer().running() as server:
        yield server


def check_message(message: dict[str, Any]) -> None:
    """The message of ANSWER, as a chat of the AI SDK holds it."""
    reasoning, weather, moon, text, *rest = [
        part for part in message["parts"] if part["type"] not in ("step-start", "tool-tide")
    ]
    assert (reasoning["text"], reasoning["state"]) == ("Let me see.", "done")
    assert reasoning["providerMetadata"] == {"tidewire": {"signature": "proof"}}
    assert (weather["state"], weather["input"]) == ("output-available", {"city": "Lisbon"})
    assert weather["output"] == {"sky": "clear"}
    assert (moon["state"], moon["errorText"]) == ("output-error", "No moon.")
    assert (text["text"], text["state"]) == ("It is clear 🌊.", "done")
    (tide,) = [part for part in message["parts"] if part["type"] == "tool-tide"]
    assert (tide["state"], tide["rawInput"]) == ("output-error", "{]")
    page, paper, card, file = rest
    assert (page["type"], page["url"]) == ("source-url", "https://example.com/")
    assert (paper["type"], paper["filename"]) == ("source-document", "doc_1")
    assert (card["type"], card["id"], card["data"]) == ("data-card", "x", {"n": 2})
    assert (file["type"], file["mediaType"]) == ("file", "text/plain")
    assert message["metadata"]["usage"]["totalTokens"] == 19


async def test_a_chat_of_the_ai_sdk(server: ScriptedServer, tmp_path: Path) -> None:
    server.script = ANSWER
    printed = await typescript.run("ai_sdk.ts", tmp_path, server.url)
    assert (printed["status"], printed["error"], printed["heads"]) == ("ready", None, ["v1"])
    (message,) = printed["answers"]
    check_message(message)
    assert message["id"].startswith("run_")
    assert printed["data"][-1] == {"type": "data-hint", "data": "soon", "transient": True}
    assert printed["finished"] == [{"finishReason": "length", "isAbort": False}]


async def test_a_chat_of_the_ai_sdk_that_is_cut_in_the_middle_of_a_text(
    server: ScriptedServer, tmp_path: Path
) -> None:
    server.script = [*BEFORE, server.gate.wait, *AFTER]
    # What comes after the gate waits for the chat to resume.
    printed = await typescript.run("ai_sdk.ts", tmp_path, server.url, "clear ")
    assert printed["before"]["status"] == "error" and printed["before"]["parts"] > 3
    assert (printed["status"], printed["error"], printed["heads"]) == ("ready", None, ["v1", "v1"])
    (message,) = printed["answers"]
    check_message(message)


async def test_a_chat_of_the_ai_sdk_whose_answer_breaks_off(
    server: ScriptedServer, tmp_path: Path
) -> None:
    server.script = [*BEFORE, breaks_off]
    printed = await typescript.run("ai_sdk.ts", tmp_path, server.url)
    assert (printed["status"], printed["error"]) == ("error", "The model broke off.")
    (message,) = printed["answers"]
    assert message["parts"][-1]["text"] == "It is clear "
    assert message["metadata"]["error"] == {"code": "upstream_broken", "retryable": True}


async def test_an_agent_of_ag_ui(server: ScriptedServer, tmp_path: Path) -> None:
    server.script = ANSWER
    printed = await typescript.run("ag_ui.ts", tmp_path, f"{server.url}/agent")
    assert printed["error"] is None
    assert (printed["types"][0], printed["types"][-1]) == ("RUN_STARTED", "RUN_FINISHED")
    said = [(m["role"], m.get("content")) for m in printed["messages"]]
    assert ("reasoning", "Let me see.") in said
    assert ("assistant", "It is clear 🌊.") in said
    assert ("tool", '{"sky":"clear"}') in said and ("tool", '{"error":"No moon."}') in said
    calls = [call for m in printed["messages"] for call in m.get("toolCalls", [])]
    called = [(call["id"], call["function"]["arguments"]) for call in calls]
    assert called == [("c1", '{"city":"Lisbon"}'), ("c2", "{]"), ("c3", "{}")]
    (thought,) = [m for m in printed["messages"] if m["role"] == "reasoning"]
    assert thought["encryptedValue"] == "proof"
    names = [custom["name"] for custom in printed["custom"]]
    assert names == ["source", "source", "data", "data", "data", "file"]
    assert printed["finished"]["usage"][0]["totalTokens"] == 19
    assert printed["finished"]["result"] == {"finishReason": "length"}


async def test_an_agent_of_ag_ui_that_joins_in_the_middle_of_a_text(
    server: ScriptedServer, tmp_path: Path
) -> None:
    server.script = ANSWER
    await typescript.run("ag_ui.ts", tmp_path, f"{server.url}/agent")
    printed = await typescript.run("ag_ui.ts", tmp_path, f"{server.url}/latest?from=11")
    assert printed["error"] is None
    assert printed["types"][:3] == ["RUN_STARTED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT"]
    (text,) = [m["content"] for m in printed["messages"] if m["role"] == "assistant"]
    assert text == "clear 🌊."


async def test_an_agent_of_ag_ui_whose_place_is_lost(
    server: ScriptedServer, tmp_path: Path
) -> None:
    server.script = ANSWER
    await typescript.run("ag_ui.ts", tmp_path, f"{server.url}/agent")
    url = f"{server.url}/latest?last_event_id=garbage"
    printed = await typescript.run("ag_ui.ts", tmp_path, url)
    assert printed["error"] is None
    (reset,) = printed["custom"]
    assert (reset["name"], reset["value"]["reason"]) == ("stream.reset", "malformed")


async def test_an_agent_of_ag_ui_whose_run_breaks_off(
    server: ScriptedServer, tmp_path: Path
) -> None:
    server.script = [*BEFORE, breaks_off]
    printed = await typescript.run("ag_ui.ts", tmp_path, f"{server.url}/agent")
    assert printed["error"] == "The model broke off."
    assert printed["messages"][-1]["content"] == "It is clear "
