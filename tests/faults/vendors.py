"""How each vendor's API says the same: a word, its end, a fault in the middle."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.faults.fake_upstream import Exchange
from tidewire.models.anthropic import Anthropic
from tidewire.models.anthropic import Settings as AnthropicSettings
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
    fault_status: int
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

VENDORS = {"anthropic": ANTHROPIC}
