"""The mock as an ASGI app: asks a rule or a recording, plays the timeline, keeps count.

``GET /`` tells what it serves, ``GET /requests`` what became of every request – also
that a client has left before the end, which is how a test sees that a stop reached the
model. It needs a server that offers ``CUT`` (serve.py): plain ASGI cannot break off.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from tidewire.errors import BadRequest
from tidewire.mock.apis import APIS, api_for
from tidewire.mock.apis.base import JSON, Api, compact
from tidewire.mock.exchange import Exchange, Exchanges
from tidewire.mock.question import Asked, Question
from tidewire.mock.recording import Recording
from tidewire.mock.scenario import Fault, Rule, Scenario, parse_fault
from tidewire.mock.timeline import Moment, Timeline, document, streamed

__all__ = ["CUT", "FAULT_HEADER", "FAULT_QUERY", "Mock"]

CUT = "tidewire.mock.cut"
"""The ASGI extension: a function that closes the connection behind what was written."""
FAULT_HEADER = "x-mock-fault"
FAULT_QUERY = "mock-fault"
_MAX_BODY_BYTES = 32 * 1_048_576

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class _Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    timeline: Timeline


class Mock:
    """Answers by a scenario, or with ``recording`` whatever is asked.

    ``sleep`` and ``clock`` are how it keeps its pace. One event loop at a time.
    """

    def __init__(
        self,
        scenario: Scenario | None = None,
        *,
        recording: Recording | None = None,
        speed: float = 1.0,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.exchanges = Exchanges()
        self._recording = recording
        self._speed = speed
        self._sleep = sleep
        self._clock = clock
        self.play(scenario or Scenario())

    def play(self, scenario: Scenario) -> None:
        """From now on answers by this one; what is counted or seeded begins anew."""
        self._scenario = scenario
        self._answers = 0
        self._faulty: Counter[object] = Counter()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        target = scope["method"], scope["path"]
        if target == ("GET", "/"):
            return await _reply(send, 200, self.about())
        if target == ("GET", "/requests"):
            return await _reply(send, 200, self.exchanges.report())
        api = api_for(*target)
        exchange = Exchange(api.name if api else "", *target, _headers(scope))
        self.exchanges.begin(exchange)
        answer = self._answer(api, exchange, await _body(receive), scope)
        exchange.status = answer.status
        await self._give(answer, exchange, scope, receive, send)

    def about(self) -> dict[str, Any]:
        """What is served: the APIs and the rules, or the recording."""
        if self._recording is not None:
            head, chunks = self._recording.head, len(self._recording.chunks)
            return {"replays": msgspec.to_builtins(head), "chunks": chunks, "speed": self._speed}
        return {
            "serves": {api.name: api.route for api in APIS},
            "scenario": msgspec.to_builtins(self._scenario),
            "faults": {"header": FAULT_HEADER, "known": list(Fault.__struct_fields__)},
            "requests": "GET /requests",
        }

    def _answer(
        self, api: type[Api] | None, exchange: Exchange, body: bytes, scope: Message
    ) -> _Answer:
        if self._recording is not None:
            head = self._recording.head
            return _Answer(head.status, head.headers, self._recording.timeline(self._speed))
        if api is None:
            return _document(404, {"error": "Not served here; GET / tells what is."})
        try:
            return self._ask(api, exchange, _asked(scope, exchange.headers, body))
        except BadRequest as exc:
            return _refused(api, Fault(status=400, message=str(exc)))

    def _ask(self, api: type[Api], exchange: Exchange, asked: Asked) -> _Answer:
        exchange.body = asked.body
        question = api.read(asked)
        exchange.model, exchange.question = question.model, question.text
        exchange.rule, rule = self._scenario.rule_for(question, api.name)
        wished = asked.headers.get(FAULT_HEADER) or asked.query.get(FAULT_QUERY)
        fault = parse_fault(wished) if wished else rule.fault
        if fault.times and self._used_up(wished or exchange.rule, fault.times):
            fault = Fault()
        if fault.status is not None:
            return _refused(api, fault)
        return self._scripted(api, question, msgspec.structs.replace(rule, fault=fault))

    def _used_up(self, fault: object, times: int) -> bool:
        self._faulty[fault] += 1
        return self._faulty[fault] > times

    def _scripted(self, api: type[Api], question: Question, rule: Rule) -> _Answer:
        pace = rule.pace or self._scenario.pace
        self._answers += 1
        rng = random.Random(f"{pace.seed} {self._answers}")  # no two answers with the same ids
        writer = api(question, id=f"{rng.getrandbits(96):024x}", created=int(time.time()))
        if question.stream:
            headers = [("content-type", api.content_type), ("cache-control", "no-cache")]
            return _Answer(200, headers, streamed(writer, rule, pace, rng))
        return _Answer(200, [("content-type", JSON)], document(writer, rule, pace, rng))

    async def _give(
        self, answer: _Answer, exchange: Exchange, scope: Message, receive: Receive, send: Send
    ) -> None:
        """Plays the answer to its end, or until the client has left."""
        playing = asyncio.ensure_future(self._play(answer, exchange, send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({playing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                self.exchanges.end(exchange, "left")
            elif playing.result():
                self.exchanges.end(exchange, "finished")
            else:
                self.exchanges.end(exchange, "broken")
                scope["extensions"][CUT]()
                await leaving  # the server takes an app that returns earlier for a broken one
        finally:
            playing.cancel()
            leaving.cancel()

    async def _play(self, answer: _Answer, exchange: Exchange, send: Send) -> bool:
        """Sends everything at its time; whether the body is to end properly."""
        started = self._clock()
        head: Message | None = _head(answer.status, answer.headers)
        for at_seconds, data in answer.timeline:
            await self._wait(started + at_seconds - self._clock())
            if head is not None:
                await send(head)
                head = None
            if data is None:
                return False
            await send({"type": "http.response.body", "body": data, "more_body": True})
            exchange.sent_bytes += len(data)
        if head is not None:
            await send(head)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return True

    async def _wait(self, seconds: float) -> None:
        """Also when there is nothing to wait for: others, and the socket, get their turn."""
        if seconds == math.inf:
            await asyncio.get_running_loop().create_future()
        await self._sleep(max(0.0, seconds))


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _headers(scope: Message) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def _body(receive: Receive) -> bytes:
    """The body, as far as it comes and is not too large."""
    body = b""
    while len(body) <= _MAX_BODY_BYTES:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return body


def _asked(scope: Message, headers: dict[str, str], body: bytes) -> Asked:
    try:
        document = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise BadRequest("The body must be a JSON object.")
    query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    return Asked(scope["method"], scope["path"], query, headers, document)


def _refused(api: type[Api], fault: Fault) -> _Answer:
    assert fault.status is not None
    refusal = _document(fault.status, api.refusal(fault.status, fault.message))
    if fault.retry_after is not None:
        refusal.headers.append(("retry-after", f"{fault.retry_after:g}"))
    return refusal


def _document(status: int, document: object) -> _Answer:
    return _Answer(status, [("content-type", JSON)], iter([Moment(0.0, compact(document))]))


def _head(status: int, headers: list[tuple[str, str]]) -> Message:
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return {"type": "http.response.start", "status": status, "headers": pairs}


async def _reply(send: Send, status: int, document: object) -> None:
    await send(_head(status, [("content-type", JSON)]))
    await send({"type": "http.response.body", "body": compact(document)})
