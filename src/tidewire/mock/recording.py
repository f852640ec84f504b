"""A recording: a real stream with its timing, as JSON lines.

The first line is the head, each other line a chunk as it arrived, with the seconds since
the request was sent; the last line says how it ended. Text that is UTF-8 is kept as text,
what is not as base64, so that the bytes come back exactly. Of the request only its
method and its URL are kept, without user, query and fragment: no header, no body.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec

from tidewire.errors import ConfigError
from tidewire.mock.timeline import Moment, Timeline

__all__ = [
    "COMPLETE",
    "Chunk",
    "Ending",
    "Head",
    "Recording",
    "kept_headers",
    "line",
    "load_recording",
    "safe_url",
]

COMPLETE = "complete"
_UNKEPT = {
    "connection", "content-length", "date", "keep-alive", "server", "set-cookie",
    "strict-transport-security", "transfer-encoding",
}  # fmt: skip


class Head(msgspec.Struct, frozen=True, tag="head", tag_field="type"):
    """``at`` is when the head came; ``headers`` without those of the connection."""

    at: float
    method: str
    url: str
    status: int
    headers: list[tuple[str, str]]


class Chunk(msgspec.Struct, frozen=True, tag="chunk", tag_field="type", omit_defaults=True):
    at: float
    text: str | None = None
    base64: str | None = None

    @classmethod
    def of(cls, at: float, data: bytes) -> Chunk:
        try:
            return cls(at, text=data.decode())
        except UnicodeDecodeError:
            return cls(at, base64=base64.b64encode(data).decode())

    @property
    def data(self) -> bytes:
        if self.text is not None:
            return self.text.encode()
        return base64.b64decode(self.base64 or "", validate=True)


class Ending(msgspec.Struct, frozen=True, tag="end", tag_field="type"):
    """``how``: complete, broken (the connection was lost), or stopped (by who recorded)."""

    at: float
    how: str


class Recording(msgspec.Struct, frozen=True):
    """Without an ending – the file was cut – it ends as a broken one does."""

    head: Head
    chunks: list[Chunk]
    ending: Ending | None

    def timeline(self, speed: float) -> Timeline:
        """The same chunks at ``speed`` times the pace; 0 is as fast as can be."""
        scale = 1 / speed if speed else 0.0
        yield Moment(self.head.at * scale, b"")  # the head may come long before a chunk
        for chunk in self.chunks:
            yield Moment(chunk.at * scale, chunk.data)
        if self.ending is None or self.ending.how != COMPLETE:
            last = self.ending or (self.chunks[-1] if self.chunks else self.head)
            yield Moment(last.at * scale, None)


def kept_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """What of a response's head belongs to the answer and not to the connection.

    A value is kept byte for byte, as Latin-1: so it is sent again. The client has it as UTF-8.
    """
    return [
        (str(name), value.encode("utf-8", "surrogateescape").decode("latin-1"))
        for name, value in headers
        if name.lower() not in _UNKEPT
    ]


def safe_url(url: str) -> str:
    """The URL without what may be secret."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def line(part: Head | Chunk | Ending) -> bytes:
    return msgspec.json.encode(part) + b"\n"


def load_recording(path: Path) -> Recording:
    """A recording from its file; a last line that was cut is left out. Raises ConfigError."""
    try:
        lines = path.read_bytes().split(b"\n")
        parts = [_decode(whole) for whole in lines[:-1]]  # the last is empty, or was cut
    except OSError as exc:
        raise ConfigError(f"{path}: the recording cannot be read.") from exc
    except ValueError as exc:
        raise ConfigError(f"{path} is no recording: {exc}") from exc
    if not parts or not isinstance(parts[0], Head):
        raise ConfigError(f"{path} is no recording: it does not begin with a head.")
    chunks = [part for part in parts if isinstance(part, Chunk)]
    ending = parts[-1] if isinstance(parts[-1], Ending) else None
    return Recording(parts[0], chunks, ending)


_decode = msgspec.json.Decoder(Head | Chunk | Ending).decode
