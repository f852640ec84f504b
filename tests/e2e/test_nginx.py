"""deploy/nginx.conf in a real nginx: every token arrives when it is sent.

The upstream says a token only after the client has read the one before. A proxy that
holds anything back stops this exchange for good, so no test here measures time.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.async_api import Browser

from tests.e2e.nginx import Nginx

StartNginx = Callable[..., Awaitable[Nginx]]

TOKENS = [
    b": hello\n\n",
    b"data: a\n\n",
    "data: 潮汐\n\n".encode(),
    b"data: " + b"x" * 9000 + b"\n\n",
]
STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}
READ_IN_THE_BROWSER = """() => {
    window.source = new EventSource("/api/streams/a");
    source.onmessage = event => tell(event.data);
}"""
PATIENCE_SECONDS = 10  # for what must happen; a pass never waits for it


class Upstream:
    """A streaming server that says what the test tells it to, when the test tells it to."""

    def __init__(self) -> None:
        self.port = 0
        self.headers = dict(STREAM_HEADERS)
        self.scopes: list[dict[str, Any]] = []
        self.left = asyncio.Event()
        self._tokens: asyncio.Queue[bytes | None] = asyncio.Queue()

    def say(self, token: bytes) -> None:
        self._tokens.put_nowait(token)

    def end(self) -> None:
        self._tokens.put_nowait(None)

    @property
    def seen_headers(self) -> dict[str, str]:
        """The header fields of the last request, as the proxy passed them on."""
        return {name.decode(): value.decode() for name, value in self.scopes[-1]["headers"]}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        headers = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        watching = asyncio.create_task(self._watch(receive))
        while (token := await self._tokens.get()) is not None:
            await send({"type": "http.response.body", "body": token, "more_body": True})
        watching.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _watch(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left.set()
        self.end()


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    app = Upstream()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app.port = listener.getsockname()[1]
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_level="warning",
            proxy_headers=False,  # the tests look at what nginx sent, and from which port
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield app
        server.should_exit = True
        await serving


@pytest.fixture(params=["HTTP/1.1", "HTTP/2"])
def http_version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def browser(proxy: Nginx, http_version: str = "HTTP/2", **options: Any) -> httpx.AsyncClient:
    """A client that speaks this version, accepts gzip and trusts the proxy's certificate."""
    http2 = http_version == "HTTP/2"
    return httpx.AsyncClient(
        base_url=proxy.url,
        http1=not http2,
        http2=http2,
        verify=proxy.trust,
        timeout=30,
        **options,
    )


async def receive(chunks: AsyncIterator[bytes], length: int) -> bytes:
    """The next ``length`` bytes. A token may come in pieces; none may come late."""
    received = b""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(received) < length:
            received += await anext(chunks)
    return received


async def talk(upstream: Upstream, client: httpx.AsyncClient, path: str) -> httpx.Response:
    """Has the upstream say each token only when the one before has arrived."""
    upstream.say(TOKENS[0])  # as in HTTP/2 nginx sends no head before the first byte of the body
    async with client.stream("GET", path) as response:
        chunks = response.aiter_bytes()
        assert await receive(chunks, len(TOKENS[0])) == TOKENS[0]
        for token in TOKENS[1:]:
            upstream.say(token)
            assert await receive(chunks, len(token)) == token
        upstream.end()
        assert [chunk async for chunk in chunks] == []
    return response


async def test_every_token_arrives_when_it_is_sent(
    upstream: Upstream, nginx: StartNginx, http_version: str
) -> None:
    """Even if the header that asks for it was lost on the way."""
    del upstream.headers["X-Accel-Buffering"]
    async with browser(await nginx(upstream.port), http_version) as client:
        response = await talk(upstream, client, "/api/streams/a")
    assert response.http_version == http_version


async def test_the_header_does_for_streams_under_any_path(
    upstream: Upstream, nginx: StartNginx
) -> None:
    async with browser(await nginx(upstream.port)) as client:
        await talk(upstream, client, "/somewhere/else")


async def test_a_buffering_proxy_holds_tokens_back(upstream: Upstream, nginx: StartNginx) -> None:
    """The counter-proof: without header and without our line the exchange stands still."""
    del upstream.headers["X-Accel-Buffering"]
    proxy = await nginx(upstream.port, {"proxy_buffering off;": "proxy_buffering on;"})
    async with browser(proxy) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await talk(upstream, client, "/api/streams/a")


async def test_what_the_server_says_of_a_stream_reaches_the_client(
    upstream: Upstream, nginx: StartNginx, http_version: str
) -> None:
    upstream.headers |= {"Location": "/api/streams/r1", "X-Run-Id": "r1"}
    async with browser(await nginx(upstream.port), http_version) as client:
        response = await talk(upstream, client, "/api/streams/r1")
    assert {name: response.headers.get(name) for name in upstream.headers} == upstream.headers
    assert "Content-Encoding" not in response.headers


async def test_what_the_client_says_reaches_the_server(
    upstream: Upstream, nginx: StartNginx, http_version: str
) -> None:
    upstream.end()
    sent = {"Last-Event-ID": "3fA9kQ-1z.b71xYz-4~12", "Idempotency-Key": "k1"}
    async with browser(await nginx(upstream.port), http_version) as client:
        await client.get("/api/streams/r1?from=start", headers=sent)
    assert {name: upstream.seen_headers[name.lower()] for name in sent} == sent
    assert upstream.scopes[-1]["query_string"] == b"from=start"


async def test_a_client_cannot_forge_where_it_comes_from(
    upstream: Upstream, nginx: StartNginx
) -> None:
    upstream.end()
    forged = {
        "X-Forwarded-For": "10.1.1.1",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil",
    }
    async with browser(await nginx(upstream.port)) as client:
        await client.get("/api/sessions", headers=forged)
    seen = upstream.seen_headers
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "https"
    assert seen["host"] == seen["x-forwarded-host"] == "127.0.0.1"
    assert seen["x-request-id"]


async def test_the_server_learns_that_the_client_left(
    upstream: Upstream, nginx: StartNginx, http_version: str
) -> None:
    upstream.say(TOKENS[0])
    async with browser(await nginx(upstream.port), http_version) as client:
        async with client.stream("GET", "/api/streams/a") as response:
            await receive(response.aiter_bytes(), len(TOKENS[0]))
            assert not upstream.left.is_set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await upstream.left.wait()


async def test_a_real_browser_reads_and_leaves_over_http_2(
    upstream: Upstream, nginx: StartNginx, chromium: Browser
) -> None:
    """EventSource reads in lock-step; its close ends one stream of a connection that stays."""
    proxy = await nginx(upstream.port)
    told: asyncio.Queue[str] = asyncio.Queue()
    page = await chromium.new_page(ignore_https_errors=True)
    await page.expose_function("tell", told.put_nowait)
    await page.route("**/page", lambda route: route.fulfill(body="<!doctype html>"))
    await page.goto(f"{proxy.url}/page")
    await page.evaluate(READ_IN_THE_BROWSER)
    async with asyncio.timeout(PATIENCE_SECONDS):
        for token in ["0", "1", "2"]:
            upstream.say(f"data: {token}\n\n".encode())
            assert await told.get() == token
        await page.evaluate("source.close()")
        await upstream.left.wait()
    await proxy.stop()
    assert '"GET /api/streams/a HTTP/2.0" 200' in proxy.access_log.read_text()


async def test_connections_to_the_server_are_kept(upstream: Upstream, nginx: StartNginx) -> None:
    async with browser(await nginx(upstream.port)) as client:
        for _ in range(2):
            upstream.end()
            await client.post("/api/runs/a/stop")
    first, second = (scope["client"] for scope in upstream.scopes)
    assert first == second


async def test_too_many_streams_of_one_address_are_refused(
    upstream: Upstream, nginx: StartNginx
) -> None:
    proxy = await nginx(upstream.port, {"limit_conn connections 400;": "limit_conn connections 1;"})
    upstream.say(TOKENS[0])
    async with browser(proxy) as client, client.stream("GET", "/api/streams/a") as first:
        second = await client.get("/api/streams/b")
        upstream.end()
    assert (first.status_code, second.status_code) == (200, 429)


async def test_questions_and_tickets_stay_out_of_the_access_log(
    upstream: Upstream, nginx: StartNginx
) -> None:
    upstream.end()
    proxy = await nginx(upstream.port)
    async with browser(proxy) as client:
        await client.get("/api/chat?message=private&ticket=secret")
    await proxy.stop()
    log = proxy.access_log.read_text()
    assert '"GET /api/chat HTTP/2.0" 200' in log
    assert "private" not in log
    assert "secret" not in log


async def test_figures_are_for_the_inside(upstream: Upstream, nginx: StartNginx) -> None:
    proxy = await nginx(upstream.port)
    upstream.end()
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.2", verify=proxy.trust)
    async with browser(proxy) as inside, browser(proxy, transport=elsewhere) as outside:
        assert (await inside.get("/metrics")).status_code == 200
        assert (await outside.get("/metrics")).status_code == 403


async def test_plain_http_is_sent_to_https(upstream: Upstream, nginx: StartNginx) -> None:
    proxy = await nginx(upstream.port)
    async with httpx.AsyncClient() as client:
        response = await client.post(f"http://127.0.0.1:{proxy.http_port}/api/chat?x=1")
    assert response.status_code == 308
    assert response.headers["Location"] == "https://127.0.0.1/api/chat?x=1"
