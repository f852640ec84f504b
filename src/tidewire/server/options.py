"""How a model is to answer: the options of every question that is asked in our own words.

Owns their names and limits, and what they are to a model. What a model cannot do with
them is its adapter's affair. A mistake is refused by the name of its field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from tidewire.errors import BadRequest
from tidewire.models.base import ChatMessage, ChatRequest, OutputSchema, ToolSpec
from tidewire.server.questions import MAX_TOOLS

__all__ = ["Options"]

MAX_SCHEMA_BYTES = 64 * 1024
MAX_TOKENS = 2**31 - 1


def _check_schema(schema: dict[str, Any]) -> dict[str, Any]:
    if len(msgspec.json.encode(schema)) > MAX_SCHEMA_BYTES:
        raise PydanticCustomError("schema", f"A schema has at most {MAX_SCHEMA_BYTES} bytes")
    return schema


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Schema = Annotated[dict[str, Any], AfterValidator(_check_schema)]
Effort = Annotated[str, Field(pattern=r"^[a-z_-]{1,32}$")]
Stop = Annotated[str, Field(min_length=1, max_length=256)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Tool(_Part):
    """A function of the asking program that the model may call."""

    name: Name
    description: str = Field(default="", max_length=8192, description="when and what for")
    parameters: Schema = Field(default={}, description="a JSON Schema")


class Output(_Part):
    """The answer is to be JSON."""

    json_schema: Schema = Field(alias="schema", description="the JSON Schema that it is to fit")
    name: Name = "answer"
    strict: bool = Field(default=True, description="without exception, where a model can")


class Options(_Part):
    """How the model is to answer."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    top_k: int | None = Field(default=None, gt=0, le=1000)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    max_tokens: int | None = Field(default=None, gt=0, le=MAX_TOKENS)
    stop: list[Stop] = Field(default=[], max_length=8, description="ends before any of these")
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    tools: list[Tool] = Field(default=[], max_length=MAX_TOOLS)
    tool_choice: Name = Field(
        default="auto", description="auto, none, required, or the name of the tool to call"
    )
    parallel_tool_calls: bool = Field(default=True, description="false: one call at a time")
    output: Output | None = None
    effort: Effort | None = Field(default=None, description="how hard to think: low, high …")

    def question(
        self, messages: list[ChatMessage], *, tools: Sequence[ToolSpec] = ()
    ) -> ChatRequest:
        """``messages`` as a request; ``tools`` are more of them, from elsewhere in the question.

        Raises BadRequest for a choice among tools that are not there, or of one name.
        """
        own = [ToolSpec(tool.name, tool.description, tool.parameters) for tool in self.tools]
        offered = [*tools, *own]
        self._check_tools([tool.name for tool in offered])
        return ChatRequest(
            messages=messages,
            tools=offered,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            stop=self.stop,
            seed=self.seed,
            top_p=self.top_p,
            tool_choice=self.tool_choice,
            output=self._output(),
            parallel_tool_calls=self.parallel_tool_calls,
            effort=self.effort,
            top_k=self.top_k,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
        )

    def _output(self) -> OutputSchema | None:
        if (wish := self.output) is None:
            return None
        return OutputSchema(wish.json_schema, wish.name, strict=wish.strict)

    def _check_tools(self, names: list[str]) -> None:
        if len(set(names)) < len(names):
            raise BadRequest("options.tools: two tools have the same name.")
        if self.tool_choice in ("auto", "none") or self.tool_choice in names:
            return
        if self.tool_choice != "required":
            raise BadRequest(f"options.tool_choice: there is no tool '{self.tool_choice}'.")
        if not names:
            raise BadRequest("options.tool_choice: 'required', but there are no tools.")
