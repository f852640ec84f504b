"""Google's Gemini API. Source: the API reference, models.streamGenerateContent."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from tidewire.models.base import ChatMessage, ChatRequest, Image, Text, Thought, ToolCall, ToolSpec
from tidewire.models.body import data_of, given, parameters, tool_name
from tidewire.models.gemini_reader import Reader
from tidewire.models.settings import UpstreamSettings
from tidewire.models.vendor import VendorModel

__all__ = ["Gemini", "Settings"]


@dataclass(frozen=True, kw_only=True)
class Settings(UpstreamSettings):
    """Gemini. Thoughts are asked for in ``body``, as all that is this vendor's own:
    ``generationConfig = { thinkingConfig = { includeThoughts = true } }``.

    A picture that the model makes comes in one line, so lines may be long.
    """

    base_url: str = "https://generativelanguage.googleapis.com/v1beta"
    max_line_bytes: int = 16_777_216


class Gemini(VendorModel[Settings]):
    """A model behind Google's Gemini API."""

    def _url(self) -> str:
        model = quote(self.model, safe="")
        base = self.settings.base_url.rstrip("/")
        return f"{base}/models/{model}:streamGenerateContent?alt=sse"

    def _headers(self) -> dict[str, str]:
        key = {"x-goog-api-key": self.settings.api_key}
        return given(**key)

    def _reader(self) -> Reader:
        return Reader(self.settings.secrets)

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        system = [{"text": turn.text} for turn in request.messages if turn.role == "system"]
        return {
            "contents": _contents(request.messages),
            **given(
                systemInstruction={"parts": system} if system else None,
                tools=_tools(request.tools),
                toolConfig=_tool_config(request.tool_choice),
                generationConfig=_generation_config(request) or None,
            ),
        }


def _generation_config(request: ChatRequest) -> dict[str, Any]:
    config = given(
        temperature=request.temperature,
        topP=request.top_p,
        maxOutputTokens=request.max_tokens,
        stopSequences=request.stop,
        seed=request.seed,
        topK=request.top_k,
        presencePenalty=request.presence_penalty,
        frequencyPenalty=request.frequency_penalty,
        thinkingConfig={"thinkingLevel": request.effort} if request.effort else None,
    )
    if request.output is not None:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = request.output.schema
    return config


def _contents(turns: list[ChatMessage]) -> list[dict[str, Any]]:
    """User and model in turns; the results of calls made together are given together."""
    contents: list[dict[str, Any]] = []
    for turn in turns:
        if turn.role == "system":
            continue
        role = "model" if turn.role == "assistant" else "user"
        parts = list(_parts(turn, turns))
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        elif parts:
            contents.append({"role": role, "parts": parts})
    return contents


def _parts(turn: ChatMessage, turns: list[ChatMessage]) -> Iterator[dict[str, Any]]:
    if turn.role == "tool":
        result = {"id": turn.tool_call_id, "name": tool_name(turns, turn.tool_call_id)}
        yield {"functionResponse": {**result, "response": _response(turn.text)}}
        return
    for part in turn.parts:
        yield _part(part)
    for call in turn.tool_calls:
        yield _function_call(call)


def _part(part: Text | Image | Thought) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"text": part.text}
    if isinstance(part, Thought):
        # A proof that stood alone belongs to the text, not to a thought.
        thought = {"thought": True} if part.text else {}
        return {"text": part.text, **thought, "thoughtSignature": part.signature}
    if (data := data_of(part.url)) is not None:
        return {"inlineData": {"mimeType": data[0], "data": data[1]}}
    kind, _ = mimetypes.guess_type(urlsplit(part.url).path)
    return {"fileData": {"fileUri": part.url, **given(mimeType=kind)}}


def _function_call(call: ToolCall) -> dict[str, Any]:
    made = {"id": call.id, "name": call.name, "args": call.input}
    return {"functionCall": made, **given(thoughtSignature=call.signature)}


def _response(text: str) -> dict[str, Any]:
    """The API wants an object; what is none is put into one."""
    try:
        result = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        result = text
    return result if isinstance(result, dict) else {"result": result}


def _tools(tools: list[ToolSpec]) -> list[dict[str, Any]]:
    declared = [
        {
            "name": tool.name,
            "description": tool.description,
            "parametersJsonSchema": parameters(tool),
        }
        for tool in tools
    ]
    return [{"functionDeclarations": declared}] if declared else []


def _tool_config(choice: str) -> dict[str, Any] | None:
    if choice == "auto":
        return None
    known = {"none": "NONE", "required": "ANY"}
    mode: dict[str, Any] = {"mode": known.get(choice, "ANY")}
    if choice not in known:
        mode["allowedFunctionNames"] = [choice]
    return {"functionCallingConfig": mode}
