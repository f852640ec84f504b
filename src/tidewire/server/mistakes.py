"""What is wrong with a value, in words: what it must be, in questions and settings alike.

Takes what pydantic has found. Says nothing of the value itself: it may be a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from pydantic.fields import FieldInfo

__all__ = ["complaint", "known_names"]

_MUST_BE: Final = {
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "path": "a path",
    "string": "a text",
}
_TABLES: Final = ("dict", "model")
"""What pydantic's types of error begin with where a value is of another kind: ``int_parsing``."""

_SAID: Final = {
    "missing": "is missing",
    "literal_error": "must be {expected}",
    "finite_number": "must be finite",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have {min_length} or more characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "must have {min_length} or more items",
    "too_long": "must have at most {max_length} items",
}


def complaint(error: Mapping[str, Any], *, table: str = "an object") -> str:
    """What stands behind the name of the value: `` must be …``, or a colon and what its
    own check says. ``table`` is what things with names are called here."""
    kind = error["type"].partition("_")[0]
    if kind in _TABLES:
        return f" must be {table}"
    if said := _SAID.get(error["type"]):
        limits = {name: _plain(limit) for name, limit in error.get("ctx", {}).items()}
        return " " + said.format(**limits)
    if kind in _MUST_BE:
        return f" must be {_MUST_BE[kind]}"
    return f": {error['msg']}"


def _plain(limit: Any) -> Any:
    """2 for 2.0, as it was declared."""
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def known_names(type: Any, path: Sequence[str | int]) -> list[str]:
    """The names that there are where ``path`` leads to, from a value of this type on."""
    fields = _fields(type)
    for part in path:
        if isinstance(part, str):  # a number is a place in a list of such
            fields = _fields(fields[part].annotation)
    return list(fields)


def _fields(type: Any) -> dict[str, FieldInfo]:
    """Those of the model that a value is, may be, or lists, by the names that they go by."""
    while not hasattr(type, "model_fields"):
        type = get_args(type)[0]
    return {field.alias or own: field for own, field in type.model_fields.items()}
