"""What the questions of all compatible APIs have in common, and how each piece is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from tidewire.errors import BadRequest
from tidewire.models.base import OutputSchema, Text, ToolSpec
from tidewire.server.questions import NotHere, content, output_schema, refused, tool_spec


@pytest.mark.parametrize(
    ("format", "shape"),
    [
        (None, None),
        ({"type": "text"}, None),
        ({"type": "json_object"}, OutputSchema({"type": "object"}, strict=False)),
        ({"type": "json_schema", "schema": {}}, OutputSchema({}, "answer", strict=False)),
        (
            {"type": "json_schema", "schema": {}, "name": "tide", "strict": True},
            OutputSchema({}, "tide", strict=True),
        ),
    ],
)
def test_the_shape_that_an_answer_is_to_have(format: Any, shape: OutputSchema | None) -> None:
    assert output_schema(format) == shape


def test_what_a_message_and_a_tool_leave_out_is_empty() -> None:
    assert content({}, Text) == content({"content": None}, Text) == ""
    assert tool_spec({"name": "tide", "description": None}, None) == ToolSpec("tide", "", {})


def test_what_is_malformed_is_refused_by_what_it_calls_itself() -> None:
    with pytest.raises(BadRequest, match="The content of a message 'int' is malformed"):
        content({"content": 7}, Text)
    with pytest.raises(BadRequest, match="The output format 'xml' is malformed"):
        output_schema({"type": "xml"})
    with pytest.raises(BadRequest, match="The parameters of tool 'tide' is malformed"):
        tool_spec({"name": "tide"}, [])
    assert str(refused("The turn", {"role": "x" * 65})).startswith(f"The turn '{'x' * 64}' is")


@pytest.mark.parametrize("nothing", [None, False, "", []])
def test_what_cannot_be_honoured_may_be_said_empty(nothing: object) -> None:
    field: TypeAdapter[None] = TypeAdapter(NotHere)
    assert field.validate_python(nothing) is None
    with pytest.raises(ValidationError, match="leave it out"):
        field.validate_python([nothing])
