"""Ids of what people send: random, or always the same for one ``Idempotency-Key``.

So the repeat of a request is answered with the id of the first, though nothing of it
was stored a second time.
"""

from __future__ import annotations

import hashlib
import secrets

__all__ = ["new_id", "own_key"]


def new_id(channel: str, key: str | None) -> str:
    """An id for what is sent to a channel, with a key or without one."""
    if key is None:
        return secrets.token_hex(8)
    return hashlib.sha256(f"{channel}\n{key}".encode()).hexdigest()[:16]


def own_key(user: str, key: str | None) -> str | None:
    """A key that only this person's requests have."""
    return None if key is None else f"{user}\n{key}"
