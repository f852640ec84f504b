"""Which URLs can be asked. Pure: no name is looked up."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["is_http_url"]


def is_http_url(text: str) -> bool:
    """True for an absolute http or https URL with a host and a port that there can be."""
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna")
        return parts.scheme in ("http", "https") and bool(host) and parts.port != 0
    except ValueError:  # a port that is none, or a host that nobody can look up
        return False
