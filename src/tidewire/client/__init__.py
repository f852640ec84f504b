"""The Python client: follow a stream over as many connections as it takes."""

from __future__ import annotations

from tidewire.client.backoff import Backoff
from tidewire.client.follow import Following, follow

__all__ = ["Backoff", "Following", "follow"]
