"""What is wrong with a question is said by name, with what is allowed, in our own words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from pydantic import Field, TypeAdapter, ValidationError

from tidewire.server.mistakes import complaint
from tidewire.server.questions import NotHere

MISTAKES: list[tuple[Any, str]] = [
    ({}, "message is missing."),
    ({"message": ""}, "message must have 1 or more characters."),
    ({"message": 5}, "message must be a text."),
    ({"app": "x" * 65}, "app must have at most 64 characters."),
    ({"on_disconnect": "stop"}, "on_disconnect must be 'continue' or 'cancel'."),
    ({"linger_seconds": -1}, "linger_seconds must be at least 0."),
    ({"linger_seconds": "long"}, "linger_seconds must be a number."),
    ({"options": []}, "options must be an object."),
    ({"options": {"top_p": 2}}, "options.top_p must be at most 1."),
    ({"options": {"top_k": 0}}, "options.top_k must be more than 0."),
    ({"options": {"max_tokens": 1.5}}, "options.max_tokens must be a whole number."),
    ({"options": {"seed": 2**63}}, f"options.seed must be less than {2**63}."),
    ({"options": {"stop": "END"}}, "options.stop must be a list."),
    ({"options": {"stop": ["x"] * 9}}, "options.stop must have at most 8 items."),
    ({"options": {"parallel_tool_calls": "no!"}}, "parallel_tool_calls must be true or false."),
    ({"options": {"effort": "!"}}, "options.effort must match ^[a-z_-]{1,32}$."),
    ({"options": {"tools": [{"name": "t", "parameters": {"d": "x" * 65_536}}]}}, "at most 65536"),
    ({"options": {"tool_choice": "tide"}}, "options.tool_choice: there is no tool 'tide'."),
    ({"options": {"output": {"name": "o"}}}, "options.output.schema is missing."),
    ({"options": {"output": {"schema": {}, "x": 1}}}, "Known: schema, name, strict."),
    (
        {"options": {"tools": [{"name": "t"}, {"name": "u", "type": "function"}]}},
        "options.tools.1.type is not known. Known: name, description, parameters.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "said"), MISTAKES, ids=[said for _, said in MISTAKES])
async def test_a_mistake_in_a_question_is_named(
    api: httpx.AsyncClient, body: dict[str, Any], said: str
) -> None:
    response = await api.post("/api/chat", json={"message": "m"} | body if body else body)
    assert response.status_code == 400
    assert said in response.json()["error"]["message"]


HEIGHT = Annotated[float, Field(gt=0.5, le=3.0, allow_inf_nan=False)]


@pytest.mark.parametrize(
    ("type", "value", "said"),
    [
        (HEIGHT, float("nan"), " must be finite"),
        (HEIGHT, 0.5, " must be more than 0.5"),
        (HEIGHT, 4, " must be at most 3"),
        (Annotated[list[int], Field(min_length=2)], [1], " must have 2 or more items"),
        (int, "1.5", " must be a whole number"),
        (int, 1.5, " must be a whole number"),
        (int, "9" * 9999, " must be a whole number"),
        (Path, 7, " must be a path"),
        (NotHere, 7, ": Nothing here can honour this; leave it out"),
    ],
)
def test_a_value_is_told_what_it_must_be(type: Any, value: object, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(type).validate_python(value)
    (error,) = refused.value.errors()
    assert complaint(error) == said


async def test_the_body_itself_may_be_wrong(api: httpx.AsyncClient) -> None:
    for path in ("/api/chat", "/api/ag-ui"):
        response = await api.post(path, json=[])
        assert response.json()["error"]["message"] == "The body must be an object."


async def test_what_is_known_is_said_by_the_names_that_requests_use(
    api: httpx.AsyncClient,
) -> None:
    question = {"threadId": "t", "runId": "r", "messages": [{"role": "user", "content": "m"}]}
    wish = {"forwardedProps": {"options": {"x" * 9999: 1}}}
    message = (await api.post("/api/ag-ui", json=question | wish)).json()["error"]["message"]
    assert message.startswith("forwardedProps.options.xxx")
    assert "x is not known. Known: temperature, " in message
    assert len(message) < 500


async def test_what_else_stands_in_a_question_is_passed_over(api: httpx.AsyncClient) -> None:
    response = await api.post("/api/chat?mode=poll", json={"message": "m", "user_agent": "mine"})
    assert response.status_code == 200
