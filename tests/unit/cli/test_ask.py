"""``tidewire ask``, when the server goes away for longer than it waits."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from typer.testing import CliRunner

from tidewire.cli import app
from tidewire.cli.ask import _stop
from tidewire.client import Following
from tidewire.errors import ServerRefused
from tidewire.wire.parser import ServerSentEvent


@pytest.mark.parametrize(("status", "may_go_on"), [(503, True), (410, False)])
def test_an_answer_that_may_go_on_can_be_found_again(
    monkeypatch: pytest.MonkeyPatch, status: int, may_go_on: bool
) -> None:
    async def break_off(
        url: str, *, following: Following, **_: Any
    ) -> AsyncGenerator[ServerSentEvent, None]:
        following.location, following.cursor = "http://a/api/streams/run_1", "e-1"
        yield ServerSentEvent("text.delta", '{"part":"t1","delta":"So"}', "e-1")
        raise ServerRefused("Gave up.", status=status)

    monkeypatch.setattr("tidewire.client.follow", break_off)
    result = CliRunner().invoke(app, ["ask", "Why?"])
    assert isinstance(result.exception, ServerRefused)
    assert result.stdout.startswith("So")
    command = "tidewire tail http://a/api/streams/run_1 --text --cursor e-1"
    assert (command in result.stderr) == may_go_on


@pytest.mark.parametrize(("option", "thought"), [("--reasoning", "Well…\n"), ("--model=m", "")])
def test_thoughts_are_shown_on_lines_of_their_own_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, option: str, thought: str
) -> None:
    async def follow(url: str, **_: Any) -> AsyncGenerator[ServerSentEvent, None]:
        yield ServerSentEvent("reasoning.delta", '{"part":"r1","delta":"Well…"}', "e-1")
        yield ServerSentEvent("reasoning.end", '{"part":"r1"}', "e-2")
        yield ServerSentEvent("text.delta", '{"part":"t1","delta":"So"}', "e-3")
        yield ServerSentEvent("run.finished", '{"reason":"stop"}', "e-4")

    monkeypatch.setattr("tidewire.client.follow", follow)
    result = CliRunner().invoke(app, ["ask", "Why?", "--session", "s", option])
    assert (result.stdout, result.stderr) == ("So", f"{thought}[session s]\n")


async def test_an_answer_that_cannot_be_stopped_is_said_to_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    following = Following("http://127.0.0.1:1/api/chat")
    following.run = "run_1"
    await _stop("http://127.0.0.1:1", following, {})
    assert "[not stopped: 127.0.0.1:1 cannot be reached]" in capsys.readouterr().err
