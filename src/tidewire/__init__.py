"""Tidewire: streams that arrive.

The builder's door: ``Tidewire``, ``text``, ``reasoning``, ``run``. Names are loaded
when they are first used, so that the command line starts quickly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidewire.runs.source import reasoning, text
    from tidewire.server.serve import run
    from tidewire.server.tide import Tidewire

__version__ = "0.1.0"

__all__ = ["Tidewire", "__version__", "reasoning", "run", "text"]

_HOMES = {
    "Tidewire": "tidewire.server.tide",
    "reasoning": "tidewire.runs.source",
    "run": "tidewire.server.serve",
    "text": "tidewire.runs.source",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tidewire' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
