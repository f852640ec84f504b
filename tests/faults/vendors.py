"""How each vendor's API says the same: a word, its end, a fault in the middle."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.faults.fake_upstream import Exchange
from tidewire.models.anthropic import Anthropic
from tidewire.models.anthropic import Settings as AnthropicSettings
from tidewire.models.dashscope import DashScope
from tidewire.models.dashscope import Settings as DashScopeSettings
from tidewire.models.gemini import Gemini
from tidewire.models.gemini import Settings as GeminiSettings
from tidewire.models.ollama import Ollama
from tidewire.models.ollama import Settings as OllamaSettings
from tidewire.models.openai_responses import OpenAIResponses
from tidewire.models.openai_responses import Settings as OpenAIResponsesSettings
from tidewire.models.vendor import VendorModel

KEY = "sk-very-secret-key"


@dataclass(frozen=True)
class Vendor:
    """``says`` one word; ``end`` is all that comes after the last;
    ``fault`` is an error in the middle, which means ``fault_status``."""

    model: Callable[..., VendorModel[Any]]
    settings: Callable[..., Any]
    target: str
    key_header: tuple[str, str]
    says: Callable[[str], bytes]
    end: bytes
    fault: bytes
    fault_status: int | None
    garbage: bytes
    refusal: Any
    content_type: str = "text/event-stream"

    def made(self, url: str, **settings: Any) -> VendorModel[Any]:
        """The adapter for an API at ``url``; it asks once, if nothing else is said."""
        given = {"base_url": url, "api_key": KEY, "model": "m-1", "max_retries": 0, **settings}
        return self.model("tide", self.settings(**given))

    async def stream(self, exchange: Exchange, *pieces: bytes) -> None:
        await exchange.start(self.content_type)
        for piece in pieces:
            await exchange.send(piece)
        await exchange.end()


def sse(document: Any, event: str = "") -> bytes:
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(document, ensure_ascii=False)}\n\n".encode()


def _anthropic(type: str, **fields: Any) -> bytes:
    return sse({"type": type, **fields}, type)


ANTHROPIC = Vendor(
    model=Anthropic,
    settings=AnthropicSettings,
    target="POST /v1/messages HTTP/1.1",
    key_header=("x-api-key", KEY),
    says=lambda word: _anthropic(
        "content_block_delta", index=0, delta={"type": "text_delta", "text": word}
    ),
    end=_anthropic("content_block_stop", index=0)
    + _anthropic("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 7})
    + _anthropic("message_stop"),
    fault=_anthropic("error", error={"type": "overloaded_error", "message": "Out of cards"}),
    fault_status=529,
    garbage=b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":\n\n',
    refusal={"type": "error", "error": {"type": "x", "message": "Not now."}},
)


def _gemini(*parts: Any, **fields: Any) -> bytes:
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
    reason = {"finishReason": fields.pop("finish")} if "finish" in fields else {}
    return sse({"candidates": [candidate | reason], **fields}).replace(b"\n", b"\r\n")


GEMINI = Vendor(
    model=Gemini,
    settings=GeminiSettings,
    target="POST /v1/models/m-1:streamGenerateContent?alt=sse HTTP/1.1",
    key_header=("x-goog-api-key", KEY),
    says=lambda word: _gemini({"text": word}),
    end=_gemini(finish="STOP", usageMetadata={"promptTokenCount": 5, "candidatesTokenCount": 7}),
    fault=sse({"error": {"code": 503, "message": "Out of cards", "status": "UNAVAILABLE"}}),
    fault_status=503,
    garbage=b'data: {"candidates":[{"content":"none"}]}\n\n',
    refusal={"error": {"code": 1, "message": "Not now.", "status": "X"}},
)


def _line(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"


OLLAMA = Vendor(
    model=Ollama,
    settings=OllamaSettings,
    target="POST /v1/api/chat HTTP/1.1",
    key_header=("authorization", f"Bearer {KEY}"),
    says=lambda word: _line({"message": {"role": "assistant", "content": word}, "done": False}),
    end=_line({"message": {"content": ""}, "done": True, "done_reason": "stop", "eval_count": 7}),
    fault=_line({"error": "Out of cards"}),
    fault_status=None,
    garbage=b'{"message":{"content"\n',
    refusal={"error": "Not now."},
    content_type="application/x-ndjson",
)


def _dashscope(document: Any, *, event: str = "result", status: int = 200) -> bytes:
    data = json.dumps(document, ensure_ascii=False)
    return f"id:1\nevent:{event}\n:HTTP_STATUS/{status}\ndata:{data}\n\n".encode()


def _dashscope_said(text: str, reason: str = "null", **usage: int) -> bytes:
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": reason}
    return _dashscope({"output": {"choices": [choice]}, "usage": usage, "request_id": "r"})


DASHSCOPE = Vendor(
    model=DashScope,
    settings=DashScopeSettings,
    target="POST /v1/services/aigc/text-generation/generation HTTP/1.1",
    key_header=("x-dashscope-sse", "enable"),
    says=_dashscope_said,
    end=_dashscope_said("", "stop", input_tokens=5, output_tokens=7),
    fault=_dashscope(
        {"code": "InternalError.Algo", "message": "Out of cards"}, event="error", status=500
    ),
    fault_status=500,
    garbage=b'event:result\ndata:{"output":{"choices":7}}\n\n',
    refusal={"code": "X", "message": "Not now.", "request_id": "r"},
)


def _response(type: str, **fields: Any) -> bytes:
    return sse({"type": type, "sequence_number": 1, **fields}, type)


OPENAI_RESPONSES = Vendor(
    model=OpenAIResponses,
    settings=OpenAIResponsesSettings,
    target="POST /v1/responses HTTP/1.1",
    key_header=("authorization", f"Bearer {KEY}"),
    says=lambda word: _response("response.output_text.delta", output_index=0, delta=word),
    end=_response("response.output_text.done", output_index=0, text="all of it")
    + _response("response.completed", response={"usage": {"input_tokens": 5, "output_tokens": 7}}),
    fault=_response("error", code="rate_limit_exceeded", message="Out of cards", param=None),
    fault_status=429,
    garbage=b'data: {"type":"response.output_text.delta","delta":7}\n\n',
    refusal={"error": {"message": "Not now.", "type": "x"}},
)

VENDORS = {
    "anthropic": ANTHROPIC,
    "dashscope": DASHSCOPE,
    "gemini": GEMINI,
    "ollama": OLLAMA,
    "openai-responses": OPENAI_RESPONSES,
}
