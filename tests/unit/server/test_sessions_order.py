"""Whoever has seen the beginning of an answer finds it by its session."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import pytest

from tests.unit.server.conftest import Start
from tidewire.log.base import Commit
from tidewire.runs.runs import PREFIX
from tidewire.server.tide import Tidewire

MESSAGE = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": "Hello"}]}


@pytest.mark.parametrize("log", ["memory", "sqlite"])
@pytest.mark.parametrize(
    ("target", "question"),
    [
        ("/api/chat", {"session": "s1", "message": "Hello"}),
        ("/api/ai-sdk/chat", {"id": "s1", "messages": [MESSAGE]}),
    ],
)
async def test_a_question_is_stored_before_what_is_answered(
    start: Start, target: str, question: dict[str, object], log: str, tmp_path: object
) -> None:
    settings = {"log": {"url": f"sqlite:///{tmp_path}/log.sqlite"}} if log == "sqlite" else {}
    api: httpx.AsyncClient = await start(**settings)
    (tide,) = Tidewire.opened
    seen: list[Commit] = []
    listener = tide.log.listener

    def note(commits: Sequence[Commit]) -> None:
        seen.extend(commits)
        assert listener is not None
        listener(commits)

    tide.log.listener = note
    assert (await api.post(target, json=question)).status_code == 200
    names = [commit.stream for commit in seen]
    answered = next(
        place
        for place, commit in enumerate(seen)
        if commit.stream.startswith(PREFIX) and commit.first + len(commit.events) > 2
    )
    assert names.index("session/s1") <= answered
