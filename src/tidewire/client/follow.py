"""Following a stream: one iteration, however many connections it takes.

A question is sent by POST once. Whatever happens to the connection afterwards, the
answer is continued by GET where ``Location`` points, from the last event that arrived;
if not even the head arrived, the same POST goes out again under the same
``Idempotency-Key``, so the server joins instead of starting anew.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any
from urllib.parse import urljoin

import aiohttp

from tidewire.answers.events import TERMINAL_TYPES
from tidewire.client.backoff import Backoff
from tidewire.client.refusal import RETRIED, describe, read_refusal
from tidewire.errors import BadRequest, ServerRefused
from tidewire.wire.parser import Parser, ServerSentEvent

__all__ = ["Following", "follow"]

SILENCE_SECONDS = 45.0
MAX_EVENT_BYTES = 32 << 20  # far more than a server lets one event be


class Following:
    """What is known of a stream that is being followed.

    ``location`` and ``run`` are set once the server has told them.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.location: str | None = None
        self.run: str | None = None
        self.session: str | None = None
        self.cursor: str | None = None
        self.connections = 0
        self.hurries = False
        self._response: aiohttp.ClientResponse | None = None

    def resume(self) -> tuple[str, str | None]:
        """Where the next request goes on: the address, and the cursor."""
        return self.location or self.url, self.cursor

    def reconnect(self) -> None:
        """Leaves the connection, if there is one, and makes the next request at once."""
        self.hurries = True
        if self._response is not None:
            self._response.close()

    def begin(self, response: aiohttp.ClientResponse) -> None:
        """Counts a connection; one that is not wanted any more ends here."""
        self.connections += 1
        self._response = response
        if self.hurries:
            response.close()


async def follow(
    url: str,
    *,
    question: Mapping[str, Any] | None = None,
    cursor: str | None = None,
    headers: Mapping[str, str] | None = None,
    backoff: Backoff | None = None,
    max_attempts: int | None = None,
    silence_seconds: float = SILENCE_SECONDS,
    endless: bool = False,
    following: Following | None = None,
    on_wait: Callable[[float, str], None] | None = None,
    sleep: Callable[[float], Any] = asyncio.sleep,
    now: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[ServerSentEvent, None]:
    """The events of the stream at ``url``, each once, in order, until it ends. One whose
    events have no ids, as many APIs' own, ends with its connection: all would come again.

    ``question``: the JSON body of a POST that starts it. ``cursor``: go on after this
    id. ``max_attempts``: give up after so many tries in a row without an event that is
    not only about the stream, or a connection that lasted (None: never).
    ``silence_seconds``: a connection without a byte for so long is dead; the server's
    heartbeats are shorter. ``endless``: for channels, where an event of any type is just
    an event: none ends the stream, nor that they have no ids. ``on_wait`` hears of the
    delay and the reason before each new try.

    Raises ServerRefused for a status that trying again cannot mend, after ``max_attempts``,
    or for a stream without ids that broke; BadRequest for a URL that is none; TooLarge for
    an event over 32 MiB, which would come again with every try. Leaving the iteration
    closes the connection; a run goes on.
    """
    state = following or Following(url)
    state.cursor = cursor
    backoff = backoff or Backoff()
    parser = Parser(max_line_bytes=MAX_EVENT_BYTES, max_event_bytes=MAX_EVENT_BYTES)
    request = _Request(state, question, dict(headers or {}))
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=silence_seconds)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
        while True:
            asked_seconds = 0.0
            opened_at = math.inf
            came = False
            refusal: ServerRefused | None = None
            try:
                state.hurries = False
                async with request.send(session) as response:
                    state.begin(response)
                    if response.status == 204:
                        return
                    await _check(response)
                    opened_at = now()
                    request.learn(response)
                    async for data in response.content.iter_any():
                        for event in parser.feed(data):
                            state.cursor = event.id or state.cursor
                            # Each connection may say how things stand, and break off then.
                            if not event.event.startswith("stream."):
                                came = True
                                backoff.reset()
                            yield event
                            if event.event in TERMINAL_TYPES and not endless:
                                return
                        state.cursor = parser.last_event_id or state.cursor
                if came and state.cursor is None and not endless:
                    return  # it has no ids: all of it would come again
                reason = "the connection ended"
            except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as exc:
                raise BadRequest(f"{url} is not an http or https URL.") from exc
            except (aiohttp.ClientError, TimeoutError, ConnectionError) as exc:
                reason = describe(exc)
            except ServerRefused as exc:
                if exc.status not in RETRIED:
                    raise
                refusal, reason = exc, str(exc).removesuffix(".")
                asked_seconds = exc.retry_after_seconds or 0.0
            if came and state.cursor is None and not endless:
                raise ServerRefused(f"Gave up: {reason}, in a stream without ids.", status=503)
            parser.reset()
            if state.hurries:
                continue
            if now() - opened_at >= backoff.cap_seconds:  # a channel may have nothing to say
                backoff.reset()
            if max_attempts is not None and backoff.attempt >= max_attempts:
                raise refusal or ServerRefused(f"Gave up: {reason}.", status=503)
            asked_seconds = max(asked_seconds, (parser.retry_milliseconds or 0) / 1000)
            delay = backoff.next_delay(at_least_seconds=asked_seconds)
            if on_wait is not None:
                on_wait(delay, reason)
            await sleep(delay)


class _Request:
    """What to send next: the question, or, once it has a place, the rest of its answer."""

    def __init__(
        self, state: Following, question: Mapping[str, Any] | None, headers: dict[str, str]
    ) -> None:
        self._state = state
        self._question = question
        self._headers = {"Accept": "text/event-stream", **headers}
        self._key = secrets.token_hex(16)

    def send(self, session: aiohttp.ClientSession) -> Any:
        headers = dict(self._headers)
        url, cursor = self._state.resume()
        if cursor:
            headers["Last-Event-ID"] = cursor
        if self._question is None or self._state.location is not None:
            return session.get(url, headers=headers, allow_redirects=False)
        headers["Idempotency-Key"] = self._key
        return session.post(
            self._state.url, json=self._question, headers=headers, allow_redirects=False
        )

    def learn(self, response: aiohttp.ClientResponse) -> None:
        """Remembers where the rest of the answer is."""
        state = self._state
        if location := response.headers.get("Location"):
            state.location = urljoin(str(response.url), location)
        state.run = response.headers.get("X-Run-Id", state.run)
        state.session = response.headers.get("X-Session-Id", state.session)


async def _check(response: aiohttp.ClientResponse) -> None:
    if response.status != 200:
        raise await read_refusal(response)
    if response.content_type != "text/event-stream":
        raise ServerRefused(
            f"{response.url} answers with {response.content_type}, not an event stream.", status=415
        )
