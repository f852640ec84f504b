"""Whose signature it is: a vendor's proof goes back to the model that gave it alone.

A conversation changes its model – somebody chose another, or a fallback answered – and an
API refuses the whole request for one proof that is not its own. So every proof is stored
under the configured name of the model that gave it, and taken out of that wrapping, or
left out, before it is sent. Pure.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from msgspec.structs import replace

from tidewire.models.base import ChatMessage, ChatRequest, Image, Text, Thought

__all__ = ["signed", "with_own_signatures"]

_PREFIX: Final = "tidewire:"


def signed(model: str, proof: str) -> str:
    """``proof`` as it is stored: under the name of ``model``."""
    return f"{_PREFIX}{quote(model, safe='')}:{proof}"


def with_own_signatures(request: ChatRequest, model: str) -> ChatRequest:
    """The request as ``model`` can be asked it: proofs as it gave them, and no others.

    A thought without a proof is left out, a call is kept. A proof under no name comes from
    a client that has it from the vendor itself; it is passed on.
    """
    return replace(request, messages=[_turn(turn, model) for turn in request.messages])


def _turn(turn: ChatMessage, model: str) -> ChatMessage:
    if isinstance(turn.content, str) and not turn.tool_calls:
        return turn
    parts = [_part(part, model) for part in turn.parts]
    calls = [replace(call, signature=_own(call.signature, model)) for call in turn.tool_calls]
    return replace(turn, content=[part for part in parts if part is not None], tool_calls=calls)


def _part(part: Text | Image | Thought, model: str) -> Text | Image | Thought | None:
    if not isinstance(part, Thought):
        return part
    proof = _own(part.signature, model)
    return Thought(part.text, proof) if proof else None


def _own(signature: str | None, model: str) -> str | None:
    if not signature or not signature.startswith(_PREFIX):
        return signature
    signer, _, proof = signature.removeprefix(_PREFIX).partition(":")
    return proof if signer == quote(model, safe="") else None
