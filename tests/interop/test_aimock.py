"""A model server from elsewhere in, every client out: the same answer, whole, by every way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio

from tests.e2e.tidewire_process import COMMAND, TidewireProcess
from tests.interop import typescript
from tests.interop.aimock import Aimock
from tidewire.answers.events import AnswerEvent, RunFailed, ToolReady, Usage, decode
from tidewire.answers.fold import Message, ReasoningPart, TextPart, fold
from tidewire.wire.parser import Parser, ServerSentEvent

pytestmark = pytest.mark.asyncio(loop_scope="session")

# All that it speaks of what we read.
PATHS = {
    "openai": "/v1",
    "openai-responses": "/v1",
    "anthropic": "/v1",
    "gemini": "/v1beta",
    "ollama": "",
}
# It cuts text by UTF-16 units, so some of the waves come in halves.
TEXT = "The moon pulls. 月亮牵引着海水。🌊 " * 20
THOUGHT = "Somebody asks about the sea, so I think of the moon."
FIXTURES = [
    {
        "match": {"userMessage": "tides"},
        "response": {
            "content": TEXT,
            "reasoning": THOUGHT,
            "usage": {"prompt_tokens": 11, "completion_tokens": 222},
        },
    },
    {
        "match": {"userMessage": "weather"},
        "response": {
            "toolCalls": [
                {"name": "get_weather", "arguments": {"city": "Lisboa", "unit": "°C"}},
                {"name": "get_time", "arguments": {}},
            ]
        },
    },
    {
        "match": {"userMessage": "busy"},
        "response": {"error": {"message": "Slow down", "type": "rate_limit_error"}, "status": 429},
    },
    {
        "match": {"userMessage": "down"},
        "response": {"error": {"message": "Out of order", "type": "server_error"}, "status": 503},
    },
    {
        "match": {"userMessage": "cut"},
        "response": {"content": TEXT},
        "latency": 5,
        "truncateAfterChunks": 9,
    },
    *(
        {
            "match": {"userMessage": f"chaos: {fault}"},
            "response": {"content": TEXT},
            "chaos": {fault: 1},
        }
        for fault in ("malformedRate", "disconnectRate", "dropRate", "rateLimitRate")
    ),
    *(
        {
            "match": {"userMessage": f"{api}, the second time", "sequenceIndex": 0},
            "response": {"content": TEXT},
            "chaos": {"disconnectRate": 1},
        }
        for api in PATHS
    ),
    {"match": {"userMessage": "the second time"}, "response": {"content": TEXT}},
]
CONFIG = """
[models.{api}]
api = "{api}"
base_url = "{url}{path}"
model = "o3"
api_key = "sk-test"
max_retries = 0
[models.{api}-again]
api = "{api}"
base_url = "{url}{path}"
model = "o3"
api_key = "sk-test"
"""


class Asked(NamedTuple):
    status: int
    body: bytes

    @property
    def events(self) -> list[ServerSentEvent]:
        return Parser().feed(self.body)

    @property
    def answer(self) -> list[AnswerEvent]:
        answer = [decode(event.event, event.data) for event in self.events]
        return [event for event in answer if event is not None]

    @property
    def message(self) -> Message:
        return fold(self.answer)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = json.loads(self.body)["error"]
        return error


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL of a server whose models are aimock, by each of its APIs."""
    folder = tmp_path_factory.mktemp("aimock")
    async with Aimock(folder, FIXTURES) as mock:
        models = [CONFIG.format(api=api, url=mock.url, path=PATHS[api]) for api in PATHS]
        process = TidewireProcess(folder, "".join(models))
        try:
            yield (await process.start()).url
        finally:
            await process.stop()


async def ask(
    server: str,
    question: str,
    *,
    method: str = "POST",
    dialect: str = "native",
    model: str = "openai",
) -> Asked:
    asking = {"message": question, "model": model}
    async with httpx.AsyncClient(base_url=server) as client:
        if method == "POST":
            response = await client.post(f"/api/chat?dialect={dialect}", json=asking)
        else:
            params = {"dialect": dialect, **asking}
            response = await client.get("/api/chat", params=params)
    return Asked(response.status_code, response.content)


def text(message: Message, kind: type[TextPart | ReasoningPart] = TextPart) -> str:
    return "".join(part.text for part in message.parts if isinstance(part, kind))


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("api", PATHS)
async def test_text_reasoning_and_usage_arrive_whole(server: str, method: str, api: str) -> None:
    asked = await ask(server, "tides", method=method, model=api)
    assert asked.status == 200
    message = asked.message
    assert message.status == "finished"
    assert text(message) == TEXT
    assert text(message, ReasoningPart) == THOUGHT
    (usage,) = (event for event in asked.answer if isinstance(event, Usage))
    # As Ollama it says that nothing was used.
    used = (0, 0) if api == "ollama" else (11, 222)
    assert (usage.input_tokens, usage.output_tokens, usage.estimated) == (*used, False)


@pytest.mark.parametrize("api", PATHS)
async def test_tool_calls_arrive_with_their_arguments(server: str, api: str) -> None:
    asked = await ask(server, "weather", model=api)
    ready = [event for event in asked.answer if isinstance(event, ToolReady)]
    assert [(event.name, event.input) for event in ready] == [
        ("get_weather", {"city": "Lisboa", "unit": "°C"}),
        ("get_time", {}),
    ]
    assert asked.message.finish_reason == "tool_calls"


async def test_the_command_line_prints_the_same_text(server: str) -> None:
    process = await asyncio.create_subprocess_exec(
        COMMAND, "ask", "tides", "--server", server, "--reasoning",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, told = await process.communicate()
    assert process.returncode == 0, told
    assert printed.decode() == TEXT + "\n"
    assert THOUGHT in told.decode()


async def test_our_typescript_client_folds_the_same_message(server: str, tmp_path: Path) -> None:
    seen = await typescript.run("ask.ts", tmp_path, server, "tides")
    assert seen["reason"] == "ended"
    message = seen["message"]
    assert [part["text"] for part in message["parts"] if part["type"] == "text"] == [TEXT]
    assert [part["text"] for part in message["parts"] if part["type"] == "reasoning"] == [THOUGHT]
    assert message["usage"]["output_tokens"] == 222
    assert message["status"] == "finished"


async def test_every_dialect_tells_the_same_text(server: str) -> None:
    by_key = {"d": "d", "chunk": "content", "delta": "content", "typewriter": "char"}
    for dialect, key in by_key.items():
        events = (await ask(server, "tides", dialect=dialect)).events
        said = [json.loads(event.data) for event in events if event.data.startswith("{")]
        assert "".join(piece.get(key, "") for piece in said) == TEXT, dialect


@pytest.mark.parametrize(
    ("question", "status", "code"),
    [
        ("busy", 429, "upstream_rate_limited"),
        ("down", 503, "upstream_refused"),
        ("something it has no answer to", 503, "upstream_refused"),
        ("chaos: disconnectRate", 502, "upstream_unreachable"),
        ("chaos: malformedRate", 502, "upstream_broken"),
        ("chaos: dropRate", 500, "upstream_refused"),
        ("chaos: rateLimitRate", 429, "upstream_rate_limited"),
    ],
)
@pytest.mark.parametrize("api", PATHS)
async def test_what_it_refuses_at_once_stays_an_http_status(
    server: str, api: str, question: str, status: int, code: str
) -> None:
    asked = await ask(server, question, model=api)
    assert asked.status == status
    assert (asked.error["code"], asked.error["retryable"]) == (code, True)


async def test_a_model_that_disconnects_is_asked_again(server: str) -> None:
    asking = [ask(server, f"{api}, the second time", model=f"{api}-again") for api in PATHS]
    for api, asked in zip(PATHS, await asyncio.gather(*asking), strict=True):
        assert text(asked.message) == TEXT, api


@pytest.mark.parametrize("api", PATHS)
async def test_an_answer_that_breaks_off_keeps_what_was_said(server: str, api: str) -> None:
    asked = await ask(server, "cut", model=api)
    assert asked.status == 200
    said = text(asked.message)
    assert 0 < len(said) < len(TEXT)
    assert TEXT.startswith(said)
    failed = asked.answer[-1]
    assert isinstance(failed, RunFailed)
    assert (failed.code, failed.retryable) == ("upstream_broken", True)
