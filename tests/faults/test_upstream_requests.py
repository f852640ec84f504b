"""What each adapter sends: one request, in the words of every model API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.fake_upstream import DONE, FINISH, Exchange, FakeUpstream
from tests.faults.vendors import KEY, VENDORS
from tidewire.errors import UpstreamRefused
from tidewire.models.base import (
    ChatMessage,
    ChatRequest,
    Image,
    OutputSchema,
    Text,
    Thought,
    ToolCall,
    ToolSpec,
)
from tidewire.models.body import merged
from tidewire.models.openai import OpenAI
from tidewire.models.openai import Settings as OpenAISettings

DOT = "data:image/png;base64,iVBORw=="
PARAMETERS = {"type": "object", "properties": {"port": {"type": "string"}}}
SCHEMA = {"type": "object", "properties": {"height": {"type": "number"}}}
EMPTY = {"type": "object", "properties": {}}

QUESTION = ChatRequest([ChatMessage("user", "When is high water?")])
CONVERSATION = ChatRequest(
    [
        ChatMessage("system", "Be brief."),
        ChatMessage("user", [Text("Where is this?"), Image(DOT)]),
        ChatMessage(
            "assistant",
            [Thought("A harbour.", "rs_1:c2ln"), Text("I look.")],
            tool_calls=[ToolCall("a", "tide", {"port": "Brest"}, "sig-a"), ToolCall("b", "now")],
        ),
        ChatMessage("tool", '{"height":7.1}', tool_call_id="a"),
        ChatMessage("tool", "noon", tool_call_id="b"),
        ChatMessage("user", "And then?"),
    ],
    tools=[ToolSpec("tide", "The height", PARAMETERS), ToolSpec("now")],
    tool_choice="tide",
    temperature=0.0,
    top_p=0.9,
    max_tokens=9,
    stop=["\n"],
    seed=7,
    output=OutputSchema(SCHEMA, "tide"),
)


async def sent(vendor: str, request: ChatRequest, **settings: Any) -> dict[str, Any]:
    """The body that the model API gets."""
    api = VENDORS.get(vendor)

    async def behave(x: Exchange) -> None:
        await (api.stream(x, api.end) if api else x.stream(FINISH, DONE))

    async with FakeUpstream(behave) as upstream:
        if api:
            model: Any = api.made(upstream.url, **settings)
        else:
            model = OpenAI("tide", OpenAISettings(base_url=upstream.url, model="m-1", **settings))
        try:
            async for _ in model.answer(request):
                pass
        finally:
            await model.aclose()
    body: dict[str, Any] = upstream.exchanges[0].body
    return body


_FUNCTIONS = [
    {
        "type": "function",
        "function": {"name": "tide", "description": "The height", "parameters": PARAMETERS},
    },
    {"type": "function", "function": {"name": "now", "description": "", "parameters": EMPTY}},
]
_CALLS = [
    {
        "id": "a",
        "type": "function",
        "function": {"name": "tide", "arguments": '{"port":"Brest"}'},
    },
    {"id": "b", "type": "function", "function": {"name": "now", "arguments": "{}"}},
]


async def test_openai() -> None:
    assert await sent("openai", CONVERSATION) == {
        "model": "m-1",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Where is this?"},
                    {"type": "image_url", "image_url": {"url": DOT}},
                ],
            },
            {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [
                    {**_CALLS[0], "extra_content": {"google": {"thought_signature": "sig-a"}}},
                    _CALLS[1],
                ],
            },
            {"role": "tool", "content": '{"height":7.1}', "tool_call_id": "a"},
            {"role": "tool", "content": "noon", "tool_call_id": "b"},
            {"role": "user", "content": "And then?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.0,
        "top_p": 0.9,
        "max_tokens": 9,
        "stop": ["\n"],
        "seed": 7,
        "tools": _FUNCTIONS,
        "tool_choice": {"type": "function", "function": {"name": "tide"}},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "tide", "schema": SCHEMA, "strict": True},
        },
    }


async def test_openai_turn_that_only_calls_has_no_content() -> None:
    turn = ChatMessage("assistant", tool_calls=[ToolCall("b", "now")])
    body = await sent("openai", ChatRequest([turn]), max_tokens_name="max_completion_tokens")
    assert body["messages"] == [{"role": "assistant", "content": None, "tool_calls": [_CALLS[1]]}]
    limited = ChatRequest(QUESTION.messages, max_tokens=5)
    body = await sent("openai", limited, max_tokens_name="max_completion_tokens")
    assert (body["max_completion_tokens"], "max_tokens" in body) == (5, False)


async def test_anthropic() -> None:
    assert await sent("anthropic", CONVERSATION) == {
        "model": "m-1",
        "system": "Be brief.",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Where is this?"},
                    {
                        "type": "image",
                        "source": {
                            "type": "base64",
                            "media_type": "image/png",
                            "data": "iVBORw==",
                        },
                    },
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "A harbour.", "signature": "rs_1:c2ln"},
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "a", "name": "tide", "input": {"port": "Brest"}},
                    {"type": "tool_use", "id": "b", "name": "now", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "a",
                        "content": [{"type": "text", "text": '{"height":7.1}'}],
                    },
                    {
                        "type": "tool_result",
                        "tool_use_id": "b",
                        "content": [{"type": "text", "text": "noon"}],
                    },
                    {"type": "text", "text": "And then?"},
                ],
            },
        ],
        "max_tokens": 9,
        "stream": True,
        "temperature": 0.0,
        "top_p": 0.9,
        "stop_sequences": ["\n"],
        "tools": [
            {"name": "tide", "description": "The height", "input_schema": PARAMETERS},
            {"name": "now", "input_schema": EMPTY},
        ],
        "tool_choice": {"type": "tool", "name": "tide"},
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
    }


async def test_anthropic_hidden_thought_and_picture_by_url() -> None:
    turns = [
        ChatMessage("assistant", [Thought("", "redacted:b64==")]),
        ChatMessage("user", [Image("https://sea.example/dot.png")]),
    ]
    body = await sent("anthropic", ChatRequest(turns))
    assert body["max_tokens"] == 8192
    assert [turn["content"] for turn in body["messages"]] == [
        [{"type": "redacted_thinking", "data": "b64=="}],
        [{"type": "image", "source": {"type": "url", "url": "https://sea.example/dot.png"}}],
    ]


@pytest.mark.parametrize(
    ("body", "declared"),
    [
        ({}, ([{"name": "tide", "input_schema": EMPTY}], {"type": "none"})),
        ({"tools": [{"type": "web_search"}]}, ([{"type": "web_search"}], None)),
    ],
)
async def test_anthropic_declares_the_tools_of_a_conversation_in_which_none_may_be_called_now(
    body: dict[str, Any], declared: tuple[Any, Any]
) -> None:
    turns = [
        ChatMessage("assistant", tool_calls=[ToolCall("a", "tide"), ToolCall("b", "tide")]),
        ChatMessage("tool", "noon", tool_call_id="a"),
        ChatMessage("tool", "noon", tool_call_id="b"),
    ]
    asked = await sent("anthropic", ChatRequest(turns), body=body)
    assert (asked["tools"], asked.get("tool_choice")) == declared


async def test_gemini() -> None:
    assert await sent("gemini", CONVERSATION) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": "Where is this?"},
                    {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}},
                ],
            },
            {
                "role": "model",
                "parts": [
                    {"text": "A harbour.", "thought": True, "thoughtSignature": "rs_1:c2ln"},
                    {"text": "I look."},
                    {
                        "functionCall": {"id": "a", "name": "tide", "args": {"port": "Brest"}},
                        "thoughtSignature": "sig-a",
                    },
                    {"functionCall": {"id": "b", "name": "now", "args": {}}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {
                        "functionResponse": {
                            "id": "a",
                            "name": "tide",
                            "response": {"height": 7.1},
                        }
                    },
                    {
                        "functionResponse": {
                            "id": "b",
                            "name": "now",
                            "response": {"result": "noon"},
                        }
                    },
                    {"text": "And then?"},
                ],
            },
        ],
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "tide",
                        "description": "The height",
                        "parametersJsonSchema": PARAMETERS,
                    },
                    {"name": "now", "description": "", "parametersJsonSchema": EMPTY},
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["tide"]}},
        "generationConfig": {
            "temperature": 0.0,
            "topP": 0.9,
            "maxOutputTokens": 9,
            "stopSequences": ["\n"],
            "seed": 7,
            "responseMimeType": "application/json",
            "responseJsonSchema": SCHEMA,
        },
    }


async def test_gemini_signature_of_a_text_and_picture_by_url() -> None:
    turns = [
        ChatMessage("user", [Image("https://sea.example/dot.png?v=2")]),
        ChatMessage("assistant", [Text("Yes."), Thought("", "sig")]),
    ]
    body = await sent("gemini", ChatRequest(turns))
    assert [turn["parts"] for turn in body["contents"]] == [
        [{"fileData": {"fileUri": "https://sea.example/dot.png?v=2", "mimeType": "image/png"}}],
        [{"text": "Yes."}, {"text": "", "thoughtSignature": "sig"}],
    ]


async def test_ollama() -> None:
    assert await sent("ollama", CONVERSATION) == {
        "model": "m-1",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Where is this?", "images": ["iVBORw=="]},
            {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [
                    {"function": {"name": "tide", "arguments": {"port": "Brest"}}},
                    {"function": {"name": "now", "arguments": {}}},
                ],
            },
            {"role": "tool", "content": '{"height":7.1}', "tool_name": "tide"},
            {"role": "tool", "content": "noon", "tool_name": "now"},
            {"role": "user", "content": "And then?"},
        ],
        "stream": True,
        "options": {
            "temperature": 0.0,
            "top_p": 0.9,
            "num_predict": 9,
            "stop": ["\n"],
            "seed": 7,
        },
        "tools": _FUNCTIONS,
        "format": SCHEMA,
    }


async def test_ollama_is_told_of_no_tools_where_it_may_call_none() -> None:
    request = ChatRequest(QUESTION.messages, tools=[ToolSpec("now")], tool_choice="none")
    assert "tools" not in await sent("ollama", request)


@pytest.mark.parametrize("incremental", [True, False])
async def test_dashscope(incremental: bool) -> None:
    text_only = ChatRequest(
        [turn for turn in CONVERSATION.messages if turn.role != "user"],
        **{
            name: getattr(CONVERSATION, name)
            for name in CONVERSATION.__struct_fields__
            if name != "messages"
        },
    )
    assert await sent("dashscope", text_only, incremental_output=incremental) == {
        "model": "m-1",
        "input": {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "assistant", "content": "I look.", "tool_calls": _CALLS},
                {"role": "tool", "content": '{"height":7.1}', "tool_call_id": "a"},
                {"role": "tool", "content": "noon", "tool_call_id": "b"},
            ]
        },
        "parameters": {
            "result_format": "message",
            "incremental_output": incremental,
            "temperature": 0.0,
            "top_p": 0.9,
            "max_tokens": 9,
            "stop": ["\n"],
            "seed": 7,
            "tools": _FUNCTIONS,
            "tool_choice": {"type": "function", "function": {"name": "tide"}},
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "tide", "schema": SCHEMA, "strict": True},
            },
        },
    }


async def test_dashscope_model_that_sees() -> None:
    turn = ChatMessage("user", [Text("What?"), Image("https://sea.example/dot.png")])
    body = await sent("dashscope", ChatRequest([turn]), multimodal=True)
    content = [{"text": "What?"}, {"image": "https://sea.example/dot.png"}]
    assert body["input"]["messages"] == [{"role": "user", "content": content}]


async def test_openai_responses() -> None:
    assert await sent("openai-responses", CONVERSATION) == {
        "model": "m-1",
        "input": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "Where is this?"},
                    {"type": "input_image", "image_url": DOT, "detail": "auto"},
                ],
            },
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "A harbour."}],
                "encrypted_content": "c2ln",
            },
            {"role": "assistant", "content": "I look."},
            {
                "type": "function_call",
                "call_id": "a",
                "name": "tide",
                "arguments": '{"port":"Brest"}',
            },
            {"type": "function_call", "call_id": "b", "name": "now", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": '{"height":7.1}'},
            {"type": "function_call_output", "call_id": "b", "output": "noon"},
            {"role": "user", "content": "And then?"},
        ],
        "stream": True,
        "store": False,
        "temperature": 0.0,
        "top_p": 0.9,
        "max_output_tokens": 9,
        "tools": [
            {
                "type": "function",
                "name": "tide",
                "description": "The height",
                "parameters": PARAMETERS,
                "strict": False,
            },
            {
                "type": "function",
                "name": "now",
                "description": "",
                "parameters": EMPTY,
                "strict": False,
            },
        ],
        "tool_choice": {"type": "function", "name": "tide"},
        "text": {
            "format": {"type": "json_schema", "name": "tide", "schema": SCHEMA, "strict": True}
        },
    }


async def test_openai_responses_with_thoughts_that_can_be_sent_back() -> None:
    body = await sent("openai-responses", QUESTION, encrypted_reasoning=True)
    assert body["include"] == ["reasoning.encrypted_content"]


@pytest.mark.parametrize(
    ("vendor", "choice", "said"),
    [
        ("openai", "required", "required"),
        ("openai-responses", "none", "none"),
        ("anthropic", "required", {"type": "any"}),
        ("anthropic", "none", {"type": "none"}),
    ],
)
async def test_tool_choice(vendor: str, choice: str, said: Any) -> None:
    request = ChatRequest(QUESTION.messages, tools=[ToolSpec("now")], tool_choice=choice)
    assert (await sent(vendor, request))["tool_choice"] == said


async def test_dashscope_tool_choice() -> None:
    request = ChatRequest(QUESTION.messages, tools=[ToolSpec("now")], tool_choice="none")
    assert (await sent("dashscope", request))["parameters"]["tool_choice"] == "none"


@pytest.mark.parametrize(("choice", "mode"), [("required", "ANY"), ("none", "NONE")])
async def test_gemini_tool_choice(choice: str, mode: str) -> None:
    request = ChatRequest(QUESTION.messages, tools=[ToolSpec("now")], tool_choice=choice)
    body = await sent("gemini", request)
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": mode}}


@pytest.mark.parametrize("vendor", ["openai", *VENDORS])
async def test_a_bare_question_wishes_for_nothing(vendor: str) -> None:
    body = await sent(vendor, QUESTION)
    assert {"tools", "tool_choice", "toolConfig", "options", "stop", "seed"}.isdisjoint(body)


WISHES = ChatRequest(
    QUESTION.messages,
    tools=[ToolSpec("now")],
    parallel_tool_calls=False,
    effort="low",
    top_k=40,
    presence_penalty=0.5,
    frequency_penalty=0.0,
)
PENALTIES = {"presence_penalty": 0.5, "frequency_penalty": 0.0}


@pytest.mark.parametrize(
    ("vendor", "said"),
    {
        "openai": {"parallel_tool_calls": False, "reasoning_effort": "low", **PENALTIES},
        "openai-responses": {"parallel_tool_calls": False, "reasoning": {"effort": "low"}},
        "anthropic": {
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
            "output_config": {"effort": "low"},
            "top_k": 40,
        },
        "gemini": {
            "generationConfig": {
                "topK": 40,
                "presencePenalty": 0.5,
                "frequencyPenalty": 0.0,
                "thinkingConfig": {"thinkingLevel": "low"},
            }
        },
        "dashscope": {
            "parameters": {"parallel_tool_calls": False, "top_k": 40, "presence_penalty": 0.5}
        },
        "ollama": {"options": {"top_k": 40, **PENALTIES}, "think": "low"},
    }.items(),
)
async def test_wishes_that_some_apis_know(vendor: str, said: dict[str, Any]) -> None:
    """What is said besides the same without them; the rest is left out."""
    plain = await sent(vendor, ChatRequest(QUESTION.messages, tools=WISHES.tools))
    body = await sent(vendor, WISHES)
    assert merged(plain, said) == body
    assert merged(plain, said) != plain


@pytest.mark.parametrize("vendor", ["openai", "openai-responses", "anthropic", "dashscope"])
async def test_without_tools_nothing_is_said_of_their_calls(vendor: str) -> None:
    body = await sent(vendor, ChatRequest(QUESTION.messages, parallel_tool_calls=False))
    assert body == await sent(vendor, QUESTION)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("required", {"type": "any", "disable_parallel_tool_use": True}),
        ("now", {"type": "tool", "name": "now", "disable_parallel_tool_use": True}),
        ("none", {"type": "none"}),
    ],
)
async def test_anthropic_choice_of_one_call(choice: str, said: dict[str, Any]) -> None:
    tools = [ToolSpec("now")]
    request = ChatRequest(
        QUESTION.messages, tools=tools, tool_choice=choice, parallel_tool_calls=False
    )
    assert (await sent("anthropic", request))["tool_choice"] == said


async def test_what_only_the_vendor_has_goes_into_its_tables() -> None:
    request = ChatRequest(QUESTION.messages, temperature=0.5, seed=7)
    more = {"options": {"num_ctx": 8192, "temperature": 0.1}, "think": True}
    body = await sent("ollama", request, body=more)
    assert body["options"] == {"temperature": 0.1, "seed": 7, "num_ctx": 8192}
    assert body["think"] is True


@pytest.mark.parametrize(
    ("vendor", "turn", "message"),
    [
        ("ollama", ChatMessage("user", [Image("https://sea.example/a.png")]), "not by URL"),
        ("dashscope", ChatMessage("user", [Image(DOT)]), "set multimodal"),
        ("gemini", ChatMessage("tool", "noon", tool_call_id="x"), "answers no call"),
        ("ollama", ChatMessage("tool", "noon", tool_call_id="x"), "answers no call"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    vendor: str, turn: ChatMessage, message: str
) -> None:
    with pytest.raises(UpstreamRefused, match=message) as caught:
        await sent(vendor, ChatRequest([turn]))
    assert (caught.value.status, caught.value.retryable) == (400, False)


async def test_no_key_no_header() -> None:
    for name, vendor in VENDORS.items():
        async with FakeUpstream(lambda x, v=vendor: v.stream(x, v.end)) as upstream:  # type: ignore[misc]
            model = vendor.made(upstream.url, api_key="")
            async for _ in model.answer(QUESTION):
                pass
            await model.aclose()
        headers = upstream.exchanges[0].headers
        assert {"authorization", "x-api-key", "x-goog-api-key"}.isdisjoint(headers), name
        assert KEY not in str(headers)
