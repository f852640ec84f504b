"""How deeply JSON is nested. Pure.

Who reads or writes JSON needs a piece of the stack for every level, so how many there may
be depends on who asks: what can be stored may be more than a viewer can be written. What
comes from outside is therefore kept to far fewer levels than anybody can read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

__all__ = ["MAX_DEPTH", "is_too_deep"]

MAX_DEPTH: Final = 100


def is_too_deep(value: Any, most: int = MAX_DEPTH) -> bool:
    """True if more than so many lists and objects stand in each other."""
    level = [value]
    while level and most:
        level = [inner for each in level for inner in _inside(each)]
        most -= 1
    return any(isinstance(each, dict | list) for each in level)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
