"""Writing SSE: fields in, bytes out (WHATWG HTML, section 9.2.5 and 9.2.6).

Lines end with LF: some parsers know no other line end. A name or id with CR, LF or
NUL would let a value forge fields or be dropped by the reader, so it is refused, not
stripped: "a\\nb" must not silently become "ab". Data is split at CR, LF and CRLF. A lone
surrogate has no UTF-8: refused in a name or id, written as U+FFFD in data, where models
that cut an escaped emoji in two do send one.
Pure; never buffers.
"""

from __future__ import annotations

import re

from tidewire.errors import InvalidField

__all__ = ["check_field", "comment", "data_lines", "frame"]

_FORBIDDEN = re.compile("[\r\n\0\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_END = re.compile("\r\n|\r|\n")


def frame(
    data: str | None = None,
    *,
    event: str = "",
    id: str | None = None,
    retry_milliseconds: int | None = None,
) -> bytes:
    """One SSE event, ended by its blank line.

    ``data`` None writes no data field: the reader takes over id and retry but
    dispatches nothing. ``id`` "" resets the reader's last event id.
    Raises InvalidField for CR, LF, NUL or a lone surrogate in event or id, or a negative
    retry.
    """
    head = ""
    if id is not None:
        head = f"id: {check_field('id', id)}\n"
    if event:
        head += f"event: {check_field('event', event)}\n"
    if retry_milliseconds is not None:
        if retry_milliseconds < 0:
            raise InvalidField("retry must not be negative.")
        head += f"retry: {retry_milliseconds:d}\n"
    if data is None:
        return _encode(f"{head}\n")
    return _encode(f"{head}data: {data_lines(data)}\n\n")


def data_lines(data: str) -> str:
    """``data`` as the value of as many data fields as it has lines."""
    if "\n" in data or "\r" in data:
        return "\ndata: ".join(_LINE_END.split(data))
    return data


def comment(text: str = "") -> bytes:
    """A comment, on as many lines as the text has, ended by a blank line."""
    return _encode("".join(f": {line}\n" for line in _LINE_END.split(text)) + "\n")


def check_field(name: str, value: str) -> str:
    """``value``, if it can stand in an SSE field. Raises InvalidField."""
    if _FORBIDDEN.search(value):
        raise InvalidField(f"The SSE field {name} must not contain CR, LF, NUL or surrogates.")
    return value


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text).encode()
