"""Resumable answers in a FastAPI app: ten lines more than a bare StreamingResponse.

uvicorn examples.fastapi_app:app                 # any ASGI server will do
python -m examples.fastapi_app                   # with direct writes and draining

curl -iN -X POST 'http://127.0.0.1:8000/ask?question=tides'
curl -N -H 'Last-Event-ID: <an id from above>' http://127.0.0.1:8000/api/streams/<X-Run-Id>
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request, Response

import tidewire
from tidewire import Tidewire, reasoning, text
from tidewire.answers.events import AnswerEvent

tide = Tidewire("sqlite:///tide.db")  # or memory://
app = FastAPI(lifespan=tide.lifespan)
app.include_router(tide.router)  # resume, stop, subscribe


@app.post("/ask")
async def ask(request: Request, question: str) -> Response:
    run = await tide.start(answer(question))  # lives on when the request ends
    return tide.respond(request, run)  # any dialect, resumable


async def answer(question: str) -> AsyncIterator[AnswerEvent]:
    yield reasoning(f"Somebody asks about {question}.")
    for word in f"You asked about {question}. Here it comes, word by word, 🌊 and whole.".split():
        await asyncio.sleep(0.05)
        yield text(f"{word} ")


if __name__ == "__main__":
    tidewire.run(app, port=8000)
