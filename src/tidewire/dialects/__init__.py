"""Dialects: answer events written for one front end each. Pure: events in, bytes out."""

from __future__ import annotations

from tidewire.dialects.base import Dialect
from tidewire.dialects.chunk import Chunk
from tidewire.dialects.d import D
from tidewire.dialects.delta import Delta
from tidewire.dialects.native import Native
from tidewire.dialects.typewriter import Typewriter
from tidewire.errors import BadRequest

__all__ = ["DIALECTS", "Dialect", "find_dialect"]

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect for dialect in (Native(), D(), Chunk(), Delta(), Typewriter())
}


def find_dialect(name: str) -> Dialect:
    """The dialect of this name. Raises BadRequest, naming the known ones."""
    dialect = DIALECTS.get(name)
    if dialect is None:
        raise BadRequest(f"There is no dialect '{name[:40]}'. Known: {', '.join(DIALECTS)}.")
    return dialect
