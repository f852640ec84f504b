"""An app of a builder's that is mounted in another, as docs/start.md says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
from fastapi import FastAPI, Request, Response
from starlette.concurrency import iterate_in_threadpool

from tidewire import Tidewire


def words() -> Iterator[str]:
    yield "All "
    yield "of it."


async def test_a_mounted_app_answers_and_refuses_below_its_prefix(tmp_path: Path) -> None:
    tide = Tidewire(f"sqlite:///{tmp_path}/log.sqlite")
    inner = FastAPI()
    inner.include_router(tide.router)

    @inner.post("/ask")
    async def ask(request: Request) -> Response:
        return tide.respond(request, await tide.start(iterate_in_threadpool(words())))

    outer = FastAPI()
    outer.mount("/ai", inner)
    async with (
        tide.lifespan(inner),
        httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url="http://app") as client,
    ):
        answer = await client.post("/ai/ask?dialect=d")
        again = await client.get(answer.headers["Location"] + "?dialect=d")
        refused = await client.post("/ai/ask?dialect=none")
    assert all('data: {"d":"of it."}' in response.text for response in (answer, again))
    assert answer.headers["Location"].startswith("/ai/api/streams/run_")
    assert refused.json()["error"]["code"] == "bad_request"
