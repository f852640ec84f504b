"""What a model is told of a session: the latest exchanges, each of them whole."""

from __future__ import annotations

import pytest

from tidewire.answers.events import AnswerEvent, TextDelta, ToolReady, ToolResult, encode
from tidewire.chat.sessions import Question, Sessions
from tidewire.errors import NotFound
from tidewire.log.memory import MemoryLog
from tidewire.models.base import ChatMessage
from tidewire.wire.event import Event

LOOKED_UP = (ToolReady("c", "tide", {}), ToolResult("c", "7 m"), TextDelta("t1", "Seven."))


async def session(*answers: tuple[AnswerEvent, ...]) -> Sessions:
    """A session ``s`` with these answers to the questions 1, 2, …; the log kept no others."""
    log = MemoryLog()
    sessions = Sessions(log)
    for number, answer in enumerate(answers, 1):
        await sessions.ask("s", Question(f"run_{number}", str(number)))
        if answer:
            await log.create(f"run_{number}")
            await log.append(f"run_{number}", [Event(e.type, encode(e)) for e in answer])
    return sessions


def brief(history: list[ChatMessage]) -> list[str]:
    """Each message as ``role text``, a call or a result with its id."""
    ids = ([*(call.id for call in turn.tool_calls), turn.tool_call_id] for turn in history)
    told = zip(history, ids, strict=True)
    return [" ".join(filter(None, [turn.role, turn.text, *named])) for turn, named in told]


async def test_calls_and_results_are_told_under_ids_of_their_own() -> None:
    sessions = await session(LOOKED_UP, LOOKED_UP)
    assert brief(await sessions.history("s", max_messages=50)) == [
        "user 1", "assistant call_1_1", "tool 7 m call_1_1", "assistant Seven.",
        "user 2", "assistant call_2_1", "tool 7 m call_2_1", "assistant Seven.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("most", "told"),
    [
        (0, []),
        (1, []),
        (2, ["user 2", "assistant Yes."]),
        (4, ["user 1", "assistant Seven.", "user 2", "assistant Yes."]),
        (5, ["user 1", "assistant Seven.", "user 2", "assistant Yes."]),
        (6, ["user 1", "assistant call_1_1", "tool 7 m call_1_1", "assistant Seven.",
             "user 2", "assistant Yes."]),
    ],
)  # fmt: skip
async def test_an_exchange_is_told_whole_or_without_its_tools_or_not(
    most: int, told: list[str]
) -> None:
    sessions = await session(LOOKED_UP, (TextDelta("t1", "Yes."),))
    assert brief(await sessions.history("s", max_messages=most)) == told


async def test_a_question_stays_when_its_answer_is_no_longer_kept() -> None:
    sessions = await session((), (TextDelta("t1", "Yes."),))
    assert brief(await sessions.history("s", max_messages=9)) == [
        "user 1", "user 2", "assistant Yes.",
    ]  # fmt: skip


async def test_a_session_never_heard_of_has_no_history() -> None:
    assert await Sessions(MemoryLog()).history("s", max_messages=9) == []


async def test_a_question_is_kept_as_long_as_its_answer() -> None:
    now = 1000.0
    log = MemoryLog(clock=lambda: now)
    sessions = Sessions(log, keep_seconds=60)
    await sessions.ask("s", Question("run_1", "1"))
    now += 50
    await sessions.ask("s", Question("run_2", "2"))
    now += 20
    await log.expire(closed_before_seconds=60)
    assert await sessions.questions("s") == [Question("run_2", "2")]
    now += 50
    await log.expire(closed_before_seconds=60)
    assert await sessions.questions("s") == []
    with pytest.raises(NotFound):
        await sessions.latest_run("s")
    await sessions.ask("s", Question("run_3", "3"))  # the conversation may go on
    assert await sessions.latest_run("s") == "run_3"
