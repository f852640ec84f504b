"""The options of a question: what they are to a model, and the limit of each."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from tidewire.errors import BadRequest
from tidewire.models.base import ChatMessage, ChatRequest, OutputSchema, ToolSpec
from tidewire.server.options import Options

ASKED = [ChatMessage("user", "How high?")]
SCHEMA = {"type": "object", "properties": {"metres": {"type": "number"}}}
TOOL: Any = {"name": "tide", "description": "how high it is", "parameters": SCHEMA}


def test_all_that_a_model_can_be_told_is_told() -> None:
    wish = {
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 9,
        "stop": ["END"],
        "seed": 7,
        "tools": [TOOL],
        "tool_choice": "wind",
        "output": {"schema": SCHEMA, "name": "height", "strict": False},
        "parallel_tool_calls": False,
        "effort": "low",
        "top_k": 40,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
    }
    options = Options.model_validate(wish)
    assert options.question(ASKED, tools=[ToolSpec("wind")]) == ChatRequest(
        messages=ASKED,
        tools=[ToolSpec("wind"), ToolSpec("tide", "how high it is", SCHEMA)],
        temperature=0.5,
        max_tokens=9,
        stop=["END"],
        seed=7,
        top_p=0.9,
        tool_choice="wind",
        output=OutputSchema(SCHEMA, "height", strict=False),
        parallel_tool_calls=False,
        effort="low",
        top_k=40,
        presence_penalty=0.1,
        frequency_penalty=0.2,
    )


def test_without_options_a_question_is_only_its_messages() -> None:
    assert Options().question(ASKED) == ChatRequest(ASKED)


@pytest.mark.parametrize(
    ("tools", "choice", "complaint"),
    [
        ([], "required", "no tools"),
        ([], "tide", "no tool 'tide'"),
        ([TOOL], "wind", "no tool 'wind'"),
        ([TOOL, TOOL], "auto", "same name"),
    ],
)
def test_a_choice_is_among_the_tools(tools: list[Any], choice: str, complaint: str) -> None:
    with pytest.raises(BadRequest, match=complaint):
        Options(tools=tools, tool_choice=choice).question(ASKED)


@pytest.mark.parametrize("choice", ["auto", "none", "required", "tide"])
def test_a_choice_that_can_be_made_is_passed_on(choice: str) -> None:
    assert Options(tools=[TOOL], tool_choice=choice).question(ASKED).tool_choice == choice


SMALL: dict[str, Any] = {"d": "x" * (64 * 1024 - 8)}
LARGE: dict[str, Any] = {"d": "x" * (64 * 1024 - 7)}

LIMITS: list[tuple[str, Any, Any]] = [
    ("temperature", 2, 2.1),
    ("temperature", 0, -0.1),
    ("top_p", 1, 1.1),
    ("top_p", 0, -0.1),
    ("top_k", 1, 0),
    ("top_k", 1000, 1001),
    ("presence_penalty", 2, 2.1),
    ("presence_penalty", -2, -2.1),
    ("frequency_penalty", 2, 2.1),
    ("frequency_penalty", -2, -2.1),
    ("parallel_tool_calls", False, "never"),
    ("effort", "x" * 32, "x" * 33),
    ("effort", "low", "low; high"),
    ("max_tokens", 1, 0),
    ("max_tokens", 2**31 - 1, 2**31),
    ("stop", ["x"] * 8, ["x"] * 9),
    ("stop", ["x" * 256], ["x" * 257]),
    ("stop", ["x"], [""]),
    ("seed", 0, -1),
    ("seed", 2**63 - 1, 2**63),
    ("tools", [{"name": f"t{i}"} for i in range(256)], [{"name": f"t{i}"} for i in range(257)]),
    ("tools", [{"name": "x" * 64}], [{"name": "x" * 65}]),
    ("tools", [{"name": "a-B_1"}], [{"name": "a b"}]),
    ("tools", [TOOL], [{"description": "nameless"}]),
    (
        "tools",
        [{"name": "t", "description": "x" * 8192}],
        [{"name": "t", "description": "x" * 8193}],
    ),
    ("tools", [{"name": "t", "parameters": SMALL}], [{"name": "t", "parameters": LARGE}]),
    ("tools", [{"name": "t"}], [{"name": "t", "strict": True}]),
    ("tool_choice", "none", "not a name"),
    ("output", {"schema": SMALL}, {"schema": LARGE}),
    ("output", {"schema": {}}, {"schema": "text"}),
    ("output", {"schema": {}}, {}),
    ("output", {"schema": {}, "name": "x" * 64}, {"schema": {}, "name": "x" * 65}),
]


@pytest.mark.parametrize(
    ("field", "most", "over"), LIMITS, ids=[f"{i}-{limit[0]}" for i, limit in enumerate(LIMITS)]
)
def test_each_field_has_its_limit(field: str, most: Any, over: Any) -> None:
    Options.model_validate({field: most})
    with pytest.raises(ValidationError) as refused:
        Options.model_validate({field: over})
    assert refused.value.errors()[0]["loc"][0] == field


async def test_options_are_for_people_to_read(api: httpx.AsyncClient) -> None:
    schemas = (await api.get("/openapi.json")).json()["components"]["schemas"]
    assert set(schemas["Options"]["properties"]) == {
        "temperature", "top_p", "top_k", "presence_penalty", "frequency_penalty", "max_tokens",
        "stop", "seed", "tools", "tool_choice", "parallel_tool_calls", "output", "effort",
    }  # fmt: skip
    assert "schema" in schemas["Output"]["properties"]
