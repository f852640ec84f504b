"""The vendors' SDKs as readers of a model API: what each made of an answer, in one form."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any, NamedTuple, TypeAlias

import anthropic
import dashscope
import ollama
import openai
from google import genai
from google.genai.errors import APIError

from tidewire.mock.question import text_of

__all__ = ["READERS", "Heard", "Read", "Refused", "read_dashscope"]


class Heard(NamedTuple):
    """``used``: tokens of the question and of the answer. ``pieces``: how many it came in."""

    text: str
    reasoning: str
    calls: list[tuple[str, Any]]
    used: tuple[int, int]
    pieces: int


class Refused(Exception):
    """What an SDK made of a refusal; ``status`` where it knows one."""

    def __init__(self, status: int | None, message: str) -> None:
        super().__init__(message)
        self.status = status


Read: TypeAlias = Callable[[str, str, bool, str | None], Awaitable[Heard]]
"""Asks the API at a URL a question, streamed or not. With a fourth word it has called
``get_tide`` for the question already, and this is the result."""


async def read_openai(url: str, question: str, stream: bool, result: str | None) -> Heard:
    function = {"name": "get_tide", "arguments": "{}"}
    call = {"id": "c1", "type": "function", "function": function}
    asking: Any = {"model": "gpt", "messages": _messages(question, call, result)}
    async with _openai(url) as client:
        pieces = 1
        try:
            if stream:
                usage = {"include_usage": True}
                asked = client.chat.completions.stream(stream_options=usage, **asking)
                async with asked as events:
                    pieces = len([event async for event in events if event.type == "chunk"])
                    answer: Any = await events.get_final_completion()
            else:
                answer = await client.chat.completions.create(**asking)
        except openai.APIError as exc:
            raise Refused(getattr(exc, "status_code", None), exc.message) from exc
    message = answer.choices[0].message
    return Heard(
        message.content or "",
        getattr(message, "reasoning_content", ""),
        [_call(call.function) for call in message.tool_calls or []],
        (answer.usage.prompt_tokens, answer.usage.completion_tokens),
        pieces,
    )


async def read_responses(url: str, question: str, stream: bool, result: str | None) -> Heard:
    items: Any = [{"role": "user", "content": question}]
    if result is not None:
        call = {"type": "function_call", "call_id": "c1", "name": "get_tide", "arguments": "{}"}
        items += [call, {"type": "function_call_output", "call_id": "c1", "output": result}]
    async with _openai(url) as client:
        pieces = 1
        try:
            if stream:
                async with client.responses.stream(model="gpt", input=items) as events:
                    pieces = len([_checked(event) async for event in events])
                    answer: Any = await events.get_final_response()
            else:
                answer = await client.responses.create(model="gpt", input=items)
        except openai.APIError as exc:
            raise Refused(getattr(exc, "status_code", None), exc.message) from exc
    summaries = [
        part for item in answer.output if item.type == "reasoning" for part in item.summary
    ]
    return Heard(
        answer.output_text,
        _joined(summary.text for summary in summaries),
        [_call(item) for item in answer.output if item.type == "function_call"],
        (answer.usage.input_tokens, answer.usage.output_tokens),
        pieces,
    )


async def read_anthropic(url: str, question: str, stream: bool, result: str | None) -> Heard:
    messages: Any = [{"role": "user", "content": question}]
    if result is not None:
        call = {"type": "tool_use", "id": "c1", "name": "get_tide", "input": {}}
        told = {"type": "tool_result", "tool_use_id": "c1", "content": result}
        messages += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [told]}]
    asking: Any = {"model": "claude", "max_tokens": 999, "messages": messages}
    async with anthropic.AsyncAnthropic(api_key="none", base_url=url, max_retries=0) as client:
        pieces = 1
        try:
            if stream:
                async with client.messages.stream(**asking) as events:
                    pieces = len([event async for event in events])
                    answer = await events.get_final_message()
            else:
                answer = await client.messages.create(**asking)
        except anthropic.APIStatusError as exc:
            raise Refused(exc.status_code, exc.message) from exc
    return Heard(
        _joined(block.text for block in answer.content if block.type == "text"),
        _joined(block.thinking for block in answer.content if block.type == "thinking"),
        [(block.name, block.input) for block in answer.content if block.type == "tool_use"],
        (answer.usage.input_tokens, answer.usage.output_tokens),
        pieces,
    )


async def read_google(url: str, question: str, stream: bool, result: str | None) -> Heard:
    contents: Any = [{"role": "user", "parts": [{"text": question}]}]
    if result is not None:
        told = {"name": "get_tide", "response": {"output": result}}
        contents.append({"role": "user", "parts": [{"function_response": told}]})
    asking: Any = {"model": "gemini-3", "contents": contents}
    client = genai.Client(api_key="none", http_options={"base_url": url}).aio
    try:
        if stream:
            answer = await client.models.generate_content_stream(**asking)
            chunks: list[Any] = [chunk async for chunk in answer]
        else:
            chunks = [await client.models.generate_content(**asking)]
    except APIError as exc:
        raise Refused(exc.code, exc.message or "") from exc
    finally:
        await client.aclose()
    parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts]
    calls = [part.function_call for part in parts if part.function_call]
    usage = chunks[-1].usage_metadata
    return Heard(
        _joined(part.text for part in parts if not part.thought),
        _joined(part.text for part in parts if part.thought),
        [(call.name, call.args) for call in calls],
        (usage.prompt_token_count, usage.candidates_token_count + usage.thoughts_token_count),
        len(chunks),
    )


async def read_ollama(url: str, question: str, stream: bool, result: str | None) -> Heard:
    messages: Any = [{"role": "user", "content": question}]
    if result is not None:
        messages.append({"role": "tool", "tool_name": "get_tide", "content": result})
    asking: Any = {"model": "qwen3", "messages": messages, "think": True}
    async with ollama.AsyncClient(host=url) as client:
        try:
            if stream:
                chunks = [chunk async for chunk in await client.chat(stream=True, **asking)]
            else:
                chunks = [await client.chat(**asking)]
        except ollama.ResponseError as exc:
            raise Refused(exc.status_code, exc.error) from exc
    said = [chunk.message for chunk in chunks]
    calls = [call.function for message in said for call in message.tool_calls or []]
    return Heard(
        _joined(message.content for message in said),
        _joined(message.thinking for message in said),
        [(call.name, call.arguments) for call in calls],
        (chunks[-1].prompt_eval_count or 0, chunks[-1].eval_count or 0),
        len(chunks),
    )


async def read_qwen(url: str, question: str, stream: bool, result: str | None) -> Heard:
    function = {"name": "get_tide", "arguments": "{}"}
    call = {"id": "c1", "type": "function", "function": function}
    messages = _messages(question, call, result)
    asking = {"model": "qwen-plus", "messages": messages, "incremental_output": stream}
    return await read_dashscope(dashscope.Generation, url, stream, asking)


async def read_dashscope(api: Any, url: str, stream: bool, asking: dict[str, Any]) -> Heard:
    """``api``: the class to call, which blocks; so a thread does it."""
    asked = {"base_address": f"{url}/api/v1", "result_format": "message", **asking}

    def ask() -> list[Any]:
        answer = api.call(api_key="none", stream=stream, **asked)
        return list(answer) if stream else [answer]

    chunks = await asyncio.to_thread(ask)
    for chunk in chunks:
        if chunk.status_code != HTTPStatus.OK:
            raise Refused(chunk.status_code, chunk.message)
    # Without incremental_output the last one holds all.
    telling = chunks if asking["incremental_output"] else chunks[-1:]
    said = [chunk.output.choices[0].message for chunk in telling]
    return Heard(
        _joined(text_of(message.content) for message in said),
        _joined(message.reasoning_content for message in said),
        _put_together(call for message in said for call in message.get("tool_calls") or []),
        (chunks[-1].usage.input_tokens, chunks[-1].usage.output_tokens),
        len(chunks),
    )


READERS: list[Read] = [
    read_openai,
    read_responses,
    read_anthropic,
    read_google,
    read_ollama,
    read_qwen,
]


def _openai(url: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="none", base_url=f"{url}/v1", max_retries=0)


def _messages(question: str, call: dict[str, Any], result: str | None) -> list[dict[str, Any]]:
    """The conversation where tools have a role of their own."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": question}]
    if result is not None:
        messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
    return messages


def _checked(event: Any) -> Any:
    """A failure is an event like others for this SDK."""
    if event.type == "response.failed":
        raise Refused(None, event.response.error.message)
    if event.type == "error":
        raise Refused(None, event.message)
    return event


def _put_together(fragments: Iterable[dict[str, Any]]) -> list[tuple[str, Any]]:
    """DashScope's calls come in fragments: an id is where a call begins."""
    calls: list[tuple[str, str]] = []
    for fragment in fragments:
        function = fragment["function"]
        if fragment["id"]:
            calls.append((function["name"], function["arguments"]))
        else:
            name, arguments = calls[-1]
            calls[-1] = (name, arguments + function["arguments"])
    return [(name, json.loads(arguments)) for name, arguments in calls]


def _call(called: Any) -> tuple[str, Any]:
    return called.name, json.loads(called.arguments)


def _joined(pieces: Iterable[str | None]) -> str:
    return "".join(piece or "" for piece in pieces)
