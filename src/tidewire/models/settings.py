"""What can be set for every model behind an HTTP API; each vendor adds its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["UpstreamSettings"]


@dataclass(frozen=True, kw_only=True)
class UpstreamSettings:
    """How to reach a model API, and how long and how much to bear from it.

    ``first_event_timeout_seconds`` runs from the request to the first event, comments
    not counted; ``silence_timeout_seconds`` is the longest pause after that, in which
    not a byte comes.

    ``max_concurrent`` answers are given at a time, 0 means no limit; ``max_queued`` more
    wait for ``queue_timeout_seconds``, the rest get 429. ``max_retries``: how often to
    ask again while nothing was heard and trying again can help. ``proxy`` is an HTTP
    proxy; ``trust_env`` takes the one of ``HTTPS_PROXY``. ``body`` is added to every
    request as it stands, for what only this vendor has; it wins over what we say.
    """

    base_url: str
    api_key: str = field(default="", repr=False)
    model: str = ""
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    connect_timeout_seconds: float = 10.0
    first_event_timeout_seconds: float = 120.0
    silence_timeout_seconds: float = 60.0
    max_line_bytes: int = 1_048_576
    max_answer_bytes: int = 16_777_216
    max_concurrent: int = 0
    max_queued: int = 100
    queue_timeout_seconds: float = 30.0
    max_retries: int = 2
    proxy: str = field(default="", repr=False)
    trust_env: bool = False
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in a message, even if the vendor quotes it."""
        return (self.api_key, *self.headers.values())

    @property
    def bearer(self) -> dict[str, str]:
        """The header that carries the key, as most vendors want it."""
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
