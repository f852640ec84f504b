"""A proof goes back to the model that gave it, as it gave it, and to no other."""

from __future__ import annotations

import pytest

from tidewire.models.anthropic_reader import REDACTED
from tidewire.models.anthropic_reader import Reader as AnthropicReader
from tidewire.models.base import ChatMessage, ChatRequest, Image, Text, Thought, ToolCall
from tidewire.models.gemini_reader import Reader as GeminiReader
from tidewire.models.openai_responses_reader import Reader as ResponsesReader
from tidewire.models.reader import StreamReader
from tidewire.models.signatures import signed, with_own_signatures

OWN, FOREIGN = signed("claude", "own:proof=="), signed("claude:2", "foreign")


def asked(*turns: ChatMessage, model: str = "claude") -> list[ChatMessage]:
    return with_own_signatures(ChatRequest([*turns]), model).messages


def test_own_proofs_are_unwrapped_and_those_of_others_left_out() -> None:
    said = [Thought("a", OWN), Text("b"), Thought("c", FOREIGN), Image("data:,")]
    calls = [ToolCall("1", "f", {}, OWN), ToolCall("2", "f", {}, FOREIGN), ToolCall("3", "f")]
    (turn,) = asked(ChatMessage("assistant", said, calls))
    assert turn.content == [Thought("a", "own:proof=="), Text("b"), Image("data:,")]
    assert [(call.id, call.signature) for call in turn.tool_calls] == [
        ("1", "own:proof=="), ("2", None), ("3", None),
    ]  # fmt: skip


def test_a_name_that_looks_like_a_wrapping_is_told_from_another() -> None:
    (turn,) = asked(ChatMessage("assistant", [Thought("c", FOREIGN)]), model="claude:2")
    assert turn.content == [Thought("c", "foreign")]


def test_what_a_client_has_from_the_vendor_is_passed_on_and_an_empty_proof_is_none() -> None:
    (turn,) = asked(ChatMessage("assistant", [Thought("a", "EqRk"), Thought("b", "")]))
    assert turn.content == [Thought("a", "EqRk")]


def test_other_turns_stay_as_they_are() -> None:
    turns = [ChatMessage("user", "a"), ChatMessage("tool", "b", tool_call_id="1")]
    assert asked(*turns) == turns


@pytest.mark.parametrize(
    ("reader", "data", "proof"),
    [
        (
            AnthropicReader(),
            '{"type":"content_block_start","content_block":{"type":"redacted_thinking","data":"x"}}',
            f"{REDACTED}x",
        ),
        (
            GeminiReader(),
            '{"candidates":[{"content":{"parts":[{"thoughtSignature":"x"}]}}]}',
            "x",
        ),
        (
            GeminiReader(),
            '{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"},'
            '"thoughtSignature":"x"}]}}]}',
            "x",
        ),
        (
            ResponsesReader(),
            '{"type":"response.output_item.done",'
            '"item":{"type":"reasoning","id":"rs_1","encrypted_content":"x"}}',
            "rs_1:x",
        ),
    ],
)
def test_every_reader_signs_with_its_model(reader: StreamReader, data: str, proof: str) -> None:
    reader.signer = "m"
    *_, last = reader.feed(data)
    assert getattr(last, "signature", None) == signed("m", proof)


def test_a_signature_in_pieces_is_signed_as_one() -> None:
    reader = AnthropicReader()
    reader.signer = "m"
    for piece in "ab":
        reader.feed(f'{{"type":"content_block_delta","delta":{{"signature":"{piece}"}}}}')
    *_, end = reader.feed('{"type":"content_block_stop"}')
    assert getattr(end, "signature", None) == signed("m", "ab")
