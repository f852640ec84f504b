"""What is wrong with settings, in words: which one, what it must be, what was perhaps meant.

Says nothing of the value that was given: it may be a secret.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel, ValidationError

__all__ = ["explain", "nearest"]

_MUST_BE: Final = {
    "bool": "true or false",
    "dict": "a table",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "model": "a table",
    "string": "a text",
}
"""By the first word of pydantic's type of error."""


def explain(exc: ValidationError, settings: type[BaseModel]) -> str:
    """All that is wrong, in one line."""
    wrongs = (_explain(dict(error), settings) for error in exc.errors())
    return " ".join(["The settings are not valid.", *wrongs])


def nearest(name: str, known: Iterable[str]) -> str:
    """The question that belongs behind what is not known; empty if nothing is like it."""
    found = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean '{found[0]}'?" if found else ""


def _explain(error: dict[str, Any], settings: type[BaseModel]) -> str:
    *above, name = (str(part) for part in error["loc"])
    place = ".".join([*above, name])
    variable = f"TIDEWIRE_{place.replace('.', '__')}".upper()
    if variable in os.environ:
        place += f" ({variable})"
    if error["type"] == "extra_forbidden":
        return f"{place}: there is no such setting.{nearest(name, _names(settings, above))}"
    kind = _MUST_BE.get(error["type"].partition("_")[0])
    return f"{place} must be {kind or error['msg'].removeprefix('Input should be ')}."


def _names(settings: type[BaseModel], above: list[str]) -> list[str]:
    """What may stand in the table that ``above`` leads to."""
    table: Any = settings
    for part in above:
        if not part.isdigit():  # the number of a [[table]]
            field = table.model_fields[part].annotation
            table = field if hasattr(field, "model_fields") else field.__args__[0]
    return list(table.model_fields)
