"""Cutting text into pieces such as a tokenizer makes.

For models that are not real: the pieces look like tokens (a word with the space before
it, one or two Chinese characters, up to three digits) without being any vendor's. A
sequence of code points that shows as one emoji stays in one piece. Pure.
"""

from __future__ import annotations

import re

__all__ = ["tokens"]

_MARK = "[\ufe0f\u20e3\U0001f3fb-\U0001f3ff]"
_PICTURE = f"[\u2190-\u2bff\U0001f000-\U0001faff]{_MARK}*"

_TOKEN = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"  # a flag
    f"|{_PICTURE}(?:\u200d{_PICTURE})*"
    "|[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]{1,2}"
    "| ?[^\\W\\d_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]{1,12}"
    f"|[0-9]{{1,3}}{_MARK}*"
    "|\n+"
    "| ?[!-/:-@\\[-`{-~]{1,3}"
    "| +(?= )"
    "|.",
    re.DOTALL,
)


def tokens(text: str) -> list[str]:
    """The pieces of ``text``; joined, they are ``text`` again."""
    return _TOKEN.findall(text)
