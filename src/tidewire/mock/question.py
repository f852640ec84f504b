"""What was asked, whichever API it was asked through. Pure.

A vendor's request becomes a list of turns; what a rule of the scenario looks at – the
last thing the person said, or the tools whose results came last – is read from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from tidewire.errors import BadRequest
from tidewire.models.tokens import tokens

__all__ = ["Asked", "Question", "Turn", "asked", "dicts", "text_of"]


class Asked(NamedTuple):
    """An HTTP request. ``body`` is its JSON object; names in ``headers`` are lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: dict[str, Any]


class Turn(NamedTuple):
    """One turn of the conversation. ``tool``: the name of the tool whose result it is."""

    role: str
    text: str
    tool: str = ""


class Question(NamedTuple):
    """``tools`` and ``result``: the tools that have just answered, and what they said."""

    model: str
    text: str
    tools: tuple[str, ...]
    result: str
    input_tokens: int
    stream: bool
    body: dict[str, Any]


def asked(model: str, turns: list[Turn], *, stream: bool, body: dict[str, Any]) -> Question:
    """The question that ``turns`` end with. Raises BadRequest if there are none."""
    if not turns:
        raise BadRequest("The request has no messages.")
    results = _trailing_results(turns)
    said = [turn.text for turn in turns if turn.role == "user"]
    return Question(
        model,
        said[-1] if said else "",
        tuple(turn.tool for turn in results),
        "\n".join(turn.text for turn in results),
        sum(len(tokens(turn.text)) for turn in turns),
        stream,
        body,
    )


def text_of(content: Any) -> str:
    """The text in a message's content: a string, or a list of parts that may have one."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in dicts(content))
    return "" if content is None else msgspec.json.encode(content).decode()


def dicts(items: Any) -> Iterable[dict[str, Any]]:
    """What in ``items`` is an object; a client may send anything."""
    return (item for item in items if isinstance(item, dict)) if isinstance(items, list) else ()


def _trailing_results(turns: list[Turn]) -> list[Turn]:
    results: list[Turn] = []
    for turn in reversed(turns):
        if not turn.tool:
            break
        results.insert(0, turn)
    return results
