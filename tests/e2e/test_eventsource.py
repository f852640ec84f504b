"""Front ends as people have written them, in a real browser: native EventSource and fetch.

Nothing of ours runs in the page. Each answer comes from a scripted model, so what it
must be, and how often it was asked for, is known.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.e2e.cutting_proxy import CuttingProxy
from tests.e2e.tidewire_process import TidewireProcess
from tests.faults.fake_upstream import Exchange, FakeUpstream, chunk
from tests.faults.scripted import CONFIG, answer, question, say
from tests.faults.viewer import understand
from tidewire.wire.parser import Parser

pytestmark = pytest.mark.asyncio(loop_scope="session")

ANSWERS = 6
PIECES = 60
CUTS = 4

# Reads one answer as a page does that has never heard of Tidewire's client.
NATIVE = """(url) => new Promise((resolve) => {
  const seen = { ids: [], text: "", types: [], run: null, lost: 0 };
  const source = new EventSource(url);
  const read = (event) => {
    const data = JSON.parse(event.data);
    seen.ids.push(event.lastEventId);
    seen.types.push(event.type);
    if (event.type === "run.started") seen.run = data.run;
    if (event.type === "text.delta") seen.text += data.delta;
  };
  const types = ["run.started", "text.start", "text.delta", "text.end", "usage", "run.finished",
                 "run.stopped", "run.failed", "stream.reset"];
  for (const type of types) source.addEventListener(type, read);
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) resolve(seen);
    else seen.lost += 1;
  };
})"""


class Stage:
    """A scripted model, a server, and a page of the server's origin, seen through the proxy."""

    def __init__(self, upstream: FakeUpstream, proxy: CuttingProxy, page: Page) -> None:
        self.upstream = upstream
        self.proxy = proxy
        self.page = page
        self.answers: dict[str, list[str]] = {}
        self.cuts: Callable[[], int | bytes | None] = lambda: None
        self.go_on = asyncio.Event()
        """Until it is set, the model says its first pieces only."""
        self.go_on.set()

    async def behave(self, exchange: Exchange) -> None:
        pieces = self.answers[question(exchange)]
        if self.go_on.is_set():
            await say(exchange, pieces, pause_seconds=0.004)
            return
        await exchange.start()
        await exchange.send(chunk({"content": pieces[0]}))
        await self.go_on.wait()
        await say_on(exchange, pieces[1:])

    @property
    def requests(self) -> list[str]:
        """The heads of all requests for the answer."""
        return [request for request in self.proxy.requests if "/api/chat" in request]

    def plan(self, line: str) -> int | bytes | None:
        return self.cuts() if "/api/" in line else None

    async def stored(self, run: str, dialect: str = "native") -> str:
        """The text that the server holds."""
        async with httpx.AsyncClient() as client:
            whole = await client.get(f"{self.proxy.url}/api/streams/{run}?dialect={dialect}")
        events = Parser().feed(whole.content)
        return "".join(understand(dialect, event).text for event in events)


async def say_on(exchange: Exchange, pieces: list[str]) -> None:
    for piece in pieces:
        await exchange.send(chunk({"content": piece}))
    await exchange.send(chunk(finish="stop"))
    await exchange.send(b"data: [DONE]\n\n")
    await exchange.end()


class House(NamedTuple):
    upstream: FakeUpstream
    server: TidewireProcess


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One scripted model and one server for all tests of this file."""
    async with FakeUpstream(lambda exchange: exchange.end()) as upstream:
        config = CONFIG.format(url=upstream.url)
        server = TidewireProcess(tmp_path_factory.mktemp("eventsource"), config)
        try:
            yield House(upstream, await server.start())
        finally:
            await server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def stage(house: House, browser: Browser) -> AsyncIterator[Stage]:
    async with CuttingProxy(house.server.port, lambda line: stage.plan(line)) as proxy:
        page = await browser.new_page()
        stage = Stage(house.upstream, proxy, page)
        house.upstream.behave = stage.behave
        house.upstream.exchanges.clear()
        await page.goto(f"{proxy.url}/healthz")
        yield stage
        await page.close()


async def watch(stage: Stage, message: str, more: str = "") -> dict[str, Any]:
    return await stage.page.evaluate(NATIVE, f"/api/chat?message={message}{more}")


def check(seen: dict[str, Any], pieces: list[str]) -> None:
    assert seen["text"] == "".join(pieces)
    offsets = [int(id.partition("-")[2], 36) for id in seen["ids"]]
    assert offsets == list(range(1, len(offsets) + 1))
    assert seen["types"][-1] == "run.finished"


async def test_answers_cut_at_random_bytes_are_whole_and_asked_for_once(stage: Stage) -> None:
    dice = random.Random(7)
    stage.answers = {f"q{number}": answer(dice, PIECES) for number in range(ANSWERS)}
    left = ANSWERS * CUTS

    def cuts() -> int | None:
        nonlocal left
        left -= 1
        return dice.randint(600, 2500) if left >= 0 else None

    stage.cuts = cuts
    seen = await asyncio.gather(*(watch(stage, message) for message in stage.answers))
    for watched, pieces in zip(seen, stage.answers.values(), strict=True):
        check(watched, pieces)
        assert watched["text"] == await stage.stored(watched["run"])
    assert len(stage.upstream.exchanges) == ANSWERS
    assert stage.proxy.cuts >= ANSWERS * 2
    assert sum(watched["lost"] for watched in seen) >= stage.proxy.cuts


async def test_a_cut_before_the_first_event_joins_by_the_priming_id(stage: Stage) -> None:
    stage.answers = {"q": ["tide", " comes"]}
    cuts = iter([b"retry: 0010\n\n"])
    stage.cuts = lambda: next(cuts, None)
    check(await watch(stage, "q"), stage.answers["q"])
    (first, second, last) = (request.lower() for request in stage.requests)
    assert "last-event-id" not in first
    assert "last-event-id: " in second
    assert stage.proxy.cuts == 1
    assert len(stage.upstream.exchanges) == 1
    assert "last-event-id" in last  # answered by 204, and EventSource asks no more


async def test_a_cut_in_the_head_joins_by_the_key(stage: Stage) -> None:
    stage.answers = {"q": ["tide", " comes"]}
    cuts = iter([100])
    stage.cuts = lambda: next(cuts, None)
    check(await watch(stage, "q", "&idempotency_key=k1"), stage.answers["q"])
    assert "last-event-id" not in stage.requests[1].lower()
    assert stage.proxy.cuts == 1
    assert len(stage.upstream.exchanges) == 1


# A page that shows what comes in `d` until `done`, and knows no other event.
D = """(url) => new Promise((resolve) => {
  const source = new EventSource(url, { withCredentials: true });
  const seen = { text: "", pieces: 0, ids: [], done: null, errors: 0 };
  source.onmessage = (event) => {
    const { d } = JSON.parse(event.data);
    if (d === undefined || d === null) return;
    seen.text += d;
    seen.pieces += 1;
    seen.ids.push(event.lastEventId);
  };
  source.addEventListener("done", (event) => {
    seen.done = event.data;
    source.close();
    setTimeout(() => resolve(seen), 100);
  });
  source.onerror = () => { seen.errors += 1; };
})"""

TYPEWRITER = """(url) => new Promise((resolve) => {
  const source = new EventSource(url);
  const seen = { text: "", indexes: [], ids: [], started: 0, total: null };
  source.onmessage = (event) => {
    const said = JSON.parse(event.data);
    if (said.type === "start") seen.started += 1;
    if (said.type === "chunk") {
      seen.text += said.char;
      seen.indexes.push(said.index);
      seen.ids.push(event.lastEventId);
      if (said.index >= said.total) throw new Error("past the end");
    }
    if (said.type === "end") {
      seen.total = said.total;
      source.close();
      resolve(seen);
    }
  };
})"""

# A page that posts, and takes the answer's lines apart as they come.
FETCH = """async ({ url, stopAfter }) => {
  const abort = new AbortController();
  const seen = { lines: [], run: null, aborted: false };
  try {
    const response = await fetch(url, {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ message: "q" }), signal: abort.signal,
    });
    seen.run = response.headers.get("X-Run-Id");
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let buffer = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      buffer += decoder.decode(value, { stream: true });
      const lines = buffer.split("\\n");
      buffer = lines.pop();
      for (const line of lines) {
        if (line.startsWith("data: ")) seen.lines.push(line.slice(6));
        if (stopAfter && seen.lines.length === stopAfter) abort.abort();
      }
    }
  } catch (error) {
    seen.aborted = error.name === "AbortError";
  }
  return seen;
}"""


async def test_a_page_that_knows_one_key_and_done_reads_d_over_cuts(stage: Stage) -> None:
    dice = random.Random(11)
    stage.answers = {"q": answer(dice, PIECES)}
    cuts = iter([900, 1400, 700])
    stage.cuts = lambda: next(cuts, None)
    seen = await stage.page.evaluate(D, "/api/chat?message=q&dialect=d")
    assert seen["text"] == "".join(stage.answers["q"])
    assert seen["pieces"] == len(set(seen["ids"])) == PIECES
    assert (seen["done"], seen["errors"]) == ("", 3)
    assert len(stage.upstream.exchanges) == 1
    assert len(stage.requests) == 4  # and after done nothing more


async def test_a_page_that_types_reads_every_character_once_over_cuts(stage: Stage) -> None:
    pieces = ["潮水 tide", "🌊", "\n", "x" * 40, "é👩‍👩‍👧"]
    stage.answers = {"q": pieces}
    cuts = iter([800, 900, 1000])
    stage.cuts = lambda: next(cuts, None)
    seen = await stage.page.evaluate(TYPEWRITER, "/api/chat?message=q&dialect=typewriter")
    text = "".join(pieces)
    assert seen["text"] == text
    assert seen["indexes"] == list(range(len(text)))
    assert len(set(seen["ids"])) == len(text)
    assert (seen["started"], seen["total"]) == (1, len(text))
    assert stage.proxy.cuts == 3
    assert len(stage.upstream.exchanges) == 1


async def test_a_page_that_posts_reads_delta(stage: Stage) -> None:
    stage.answers = {"q": ["潮水", " tide\n"]}
    url = "/api/chat?dialect=delta"
    seen = await stage.page.evaluate(FETCH, {"url": url, "stopAfter": 0})
    session, *deltas, done = seen["lines"]
    assert session.startswith('{"sessionId":"')
    assert deltas == [
        '{"type":"delta","content":"潮水"}',
        '{"type":"delta","content":" tide\\n"}',
    ]
    assert done == "[DONE]"


async def test_a_page_that_aborts_leaves_and_the_answer_goes_on(stage: Stage) -> None:
    stage.answers = {"q": ["tide", " comes", " in"]}
    stage.go_on.clear()
    url = "/api/chat?dialect=chunk"
    seen = await stage.page.evaluate(FETCH, {"url": url, "stopAfter": 1})
    assert (seen["lines"], seen["aborted"]) == (['{"type":"chunk","content":"tide"}'], True)
    stage.go_on.set()
    assert await stage.stored(seen["run"], "chunk") == "tide comes in"
