"""Characters that a server cut in half.

JavaScript counts in UTF-16, where an emoji is two units. A server that cuts its text by
that count sends ``\\ud83c`` at the end of one chunk and ``\\udf0a`` at the beginning of
the next; neither is a character, and strict JSON refuses both. Pure; looks at a chunk
only when it could not be decoded.
"""

from __future__ import annotations

import re

__all__ = ["Halves"]

# An escaped backslash, a first half with or without its second, a second half alone.
_ESCAPES = re.compile(
    r"\\\\|(?P<first>\\u[dD][89abAB][0-9a-fA-F]{2})(?P<whole>\\u[dD][c-fC-F][0-9a-fA-F]{2})?"
    r"|(?P<second>\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)


class Halves:
    """Holds a first half back until its second half comes in a later chunk."""

    def __init__(self) -> None:
        self._first = ""

    def join(self, json: str) -> str:
        """The JSON text with whole characters only; a half without another is U+FFFD."""
        return _ESCAPES.sub(self._join, json)

    def _join(self, match: re.Match[str]) -> str:
        if match["second"]:
            first, self._first = self._first, ""
            return first + match["second"] if first else "\ufffd"
        if match["first"] and not match["whole"]:
            self._first = match["first"]
            return ""
        return match[0]
