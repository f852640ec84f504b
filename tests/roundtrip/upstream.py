"""From what a model says to what is stored: the mock's bytes, cut, through the adapter's reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.roundtrip.said import FAILURE, Said
from tidewire.answers.events import (
    AnswerEvent,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStopped,
    Usage,
)
from tidewire.answers.open_parts import OpenParts
from tidewire.errors import ModelError
from tidewire.mock.apis import anthropic, dashscope, gemini, ollama, openai, openai_responses
from tidewire.mock.apis.base import Api
from tidewire.mock.question import Question
from tidewire.models import (
    anthropic_reader,
    dashscope_reader,
    gemini_reader,
    ollama_reader,
    openai_reader,
    openai_responses_reader,
)
from tidewire.models.lines import LineParser
from tidewire.models.reader import StreamReader
from tidewire.wire.parser import Parser

Batches = list[list[AnswerEvent]]

STARTED = RunStarted("run_1", session="s1", model="tide", created=7)
ESTIMATE = Usage(5, 6, 1, 0, estimated=True)


@dataclass
class Vendor:
    """A mocked API, the reader of our adapter to it, and the body that asks."""

    api: type[Api]
    reader: Callable[[], StreamReader]
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def cuts_calls(self) -> bool:
        """Whether arguments come in fragments, so that they may be no JSON."""
        return self.api not in (gemini.Gemini, ollama.Ollama)

    def frames(self, said: Said) -> list[bytes]:
        """The stream as the vendor would send it, event by event."""
        api = self.api(_question(self.body), id="0", created=7)
        frames = [*api.begin(), *(frame for event in said.events for frame in api.write(event))]
        if said.ending == "failed":
            return [*frames, api.failure(FAILURE)]
        end = api.end(said.reason, said.usage)
        match said.ending:
            case "finished":
                return [*frames, *end]
            case "broken":
                return [*frames, end[0][: len(end[0]) // 2]]
        return frames

    def stored(self, pieces: Iterable[bytes], ending: str) -> Batches:
        """What is stored of the stream, by the pieces in which it came."""
        parts = OpenParts()
        batches: Batches = [[STARTED]]
        try:
            self._read(pieces, batches, parts, is_stopped=ending == "stopped")
        except ModelError as error:
            failed = RunFailed(error.code, str(error), error.retryable)
            batches.append([*parts.closing(), ESTIMATE, failed])
        return batches

    def _read(
        self, pieces: Iterable[bytes], batches: Batches, parts: OpenParts, *, is_stopped: bool
    ) -> None:
        reader = self.reader()
        reader.signer = "tide"
        parser: Any = Parser(on_comment=reader.comment)
        if self.api is ollama.Ollama:
            parser = LineParser(max_line_bytes=65_536)
        for found in (*map(parser.feed, pieces), parser.end() or []):
            batches.append([])
            for event in found:
                for said in reader.feed(event.data):
                    parts.see(said)
                    batches[-1].append(said)
        if is_stopped:
            batches.append([*parts.closing(), ESTIMATE, RunStopped()])
        else:
            usage = reader.usage or ESTIMATE
            batches.append([*reader.end(), usage, RunFinished(reader.reason)])


def _question(body: dict[str, Any]) -> Question:
    return Question("tide", "", (), "", 3, stream=True, body={"input": {}, **body})


def _whole_dashscope() -> StreamReader:
    return dashscope_reader.Reader(incremental=False)


_MESSAGE = {"result_format": "message"}

VENDORS = {
    "openai": Vendor(
        openai.OpenAI, openai_reader.Reader, {"stream_options": {"include_usage": True}}
    ),
    "openai-responses": Vendor(
        openai_responses.OpenAIResponses,
        openai_responses_reader.Reader,
        {"include": ["reasoning.encrypted_content"]},
    ),
    "anthropic": Vendor(anthropic.Anthropic, anthropic_reader.Reader),
    "gemini": Vendor(gemini.Gemini, gemini_reader.Reader),
    "ollama": Vendor(ollama.Ollama, ollama_reader.Reader),
    "dashscope": Vendor(
        dashscope.DashScope,
        dashscope_reader.Reader,
        {"parameters": {**_MESSAGE, "incremental_output": True}},
    ),
    "dashscope, repeating": Vendor(dashscope.DashScope, _whole_dashscope, {"parameters": _MESSAGE}),
}
