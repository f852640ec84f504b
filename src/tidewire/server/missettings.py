"""What is wrong with settings, in words: which one, what it must be, what was perhaps meant.

Says nothing of the value that was given: it may be a secret.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError

from tidewire.server.mistakes import complaint, known_names

__all__ = ["explain", "explain_unread"]


def explain(exc: ValidationError, settings: type[BaseModel]) -> str:
    """All that is wrong, in one line."""
    wrongs = (_explain(dict(error), settings) for error in exc.errors())
    return " ".join(["The settings are not valid.", *wrongs])


def explain_unread(exc: SettingsError) -> str:
    """Which variable for a whole table or list is no JSON: that error knows only its text."""
    text = getattr(exc.__cause__, "doc", None)
    own = (name for name in os.environ if name.upper().startswith("TIDEWIRE_"))
    name = next((name for name in own if os.environ[name] == text), "A variable")
    return (
        f"{name} is for a whole table or list, and must be JSON; "
        "a single setting is TIDEWIRE_TABLE__NAME."
    )


def _explain(error: dict[str, Any], settings: type[BaseModel]) -> str:
    *above, name = error["loc"]
    place = ".".join(map(str, error["loc"]))
    variable = f"TIDEWIRE_{place.replace('.', '__')}".upper()
    if variable in os.environ:
        place += f" ({variable})"
    if error["type"] == "extra_forbidden":
        return f"{place}: there is no such setting.{_nearest(name, known_names(settings, above))}"
    return f"{place}{complaint(error, table='a table')}."


def _nearest(name: str, known: Iterable[str]) -> str:
    """The question that belongs behind what is not known; empty if nothing is like it."""
    found = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean '{found[0]}'?" if found else ""
