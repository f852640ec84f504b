"""``tidewire tail``: where reading begins, and what is said of an end."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from typer.testing import CliRunner

from tidewire.cli import app
from tidewire.cli.tail import _write_line
from tidewire.wire.parser import ServerSentEvent


@pytest.mark.parametrize(
    ("options", "query"),
    [
        ("http://a/s", "?from=start"),
        ("http://a/s?x=1 --from now", "?x=1&from=now"),
        ("http://a/s --cursor e-1", ""),
        ("--channel a", "?channel=a&from=now"),
        ("--channel a --channel b --cursor e-1 --from 9", "?channel=a&channel=b&from=9"),
    ],
)
def test_reading_begins_where_it_is_asked_to(
    monkeypatch: pytest.MonkeyPatch, options: str, query: str
) -> None:
    asked: list[str] = []

    async def follow(url: str, **_: Any) -> AsyncGenerator[ServerSentEvent, None]:
        asked.append(url)
        return
        yield

    monkeypatch.setattr("tidewire.client.follow", follow)
    CliRunner().invoke(app, ["tail", *options.split()], catch_exceptions=False)
    assert [url.partition("/api/events")[2] or url.partition("/s")[2] for url in asked] == [query]


def test_lines_of_one_event_cannot_pass_for_others(capsys: pytest.CaptureFixture[str]) -> None:
    _write_line(ServerSentEvent("message", "calm\nnews\talert\tFire", "e-1"), "news")
    assert capsys.readouterr().out == "news\tmessage\tcalm\n\t\tnews\talert\tFire\n"


@pytest.mark.parametrize(
    ("event", "data", "told"),
    [
        ("run.failed", '{"code":"interrupted","message":"It broke."}', "It broke. (interrupted)"),
        ("run.stopped", "{}", "[the answer was stopped]"),
        ("run.finished", "{}", ""),
    ],
)
def test_a_text_that_is_not_all_is_said_to_be_so(
    monkeypatch: pytest.MonkeyPatch, event: str, data: str, told: str
) -> None:
    async def follow(url: str, **_: Any) -> AsyncGenerator[ServerSentEvent, None]:
        yield ServerSentEvent("text.delta", '{"part":"t1","delta":"So"}', "e-1")
        yield ServerSentEvent(event, data, "e-2")

    monkeypatch.setattr("tidewire.client.follow", follow)
    result = CliRunner().invoke(app, ["tail", "http://a/s", "--text"], catch_exceptions=False)
    assert result.stdout == "So\n"
    assert result.stderr.removeprefix("The answer failed: ").strip() == told
