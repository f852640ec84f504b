"""Sessions: which questions were asked in a conversation, and which run answered each.

A session is a stream in the log: one event per question, naming its run. What was
answered is read from the runs' own streams, so nothing is stored twice and a session
can never disagree with what its viewers saw.
"""

from __future__ import annotations

import asyncio
import re
import secrets

import msgspec
from msgspec.structs import replace

from tidewire.answers.events import decode
from tidewire.answers.fold import Fold, Message, TextPart
from tidewire.chat.turns import turns
from tidewire.errors import BadRequest, NotFound, StreamGone, StreamNotFound
from tidewire.log.base import Log, Retention
from tidewire.models.base import ChatMessage
from tidewire.wire.event import Event

__all__ = ["Question", "Sessions"]

LATEST = 8
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Question(msgspec.Struct, frozen=True):
    """One turn: what was asked, and the run that answers it."""

    run: str
    message: str


class Sessions:
    """The sessions in a log. A question is kept for ``keep_seconds`` (None: for ever), as
    what answers it is kept by the log."""

    def __init__(self, log: Log, *, keep_seconds: float | None = None) -> None:
        self._log = log
        self._retention = Retention(max_age_seconds=keep_seconds)

    def ask(self, session: str, question: Question) -> asyncio.Future[int]:
        """Adds a question; a session begins with its first one.

        It is stored before anything that is appended after this call, to its run as well:
        whoever sees the beginning of an answer finds it by its session.
        """
        name = stream_name(session)
        self._log.create(name, retention=self._retention)
        event = Event("question", msgspec.json.encode(question).decode())
        return self._log.append(name, [event], key=question.run)

    async def questions(self, session: str) -> list[Question]:
        """All questions, oldest first. A session never heard of has none."""
        found: list[Question] = []
        after = 0
        try:
            while (batch := await self._log.read(stream_name(session), after)).events:
                found += [msgspec.json.decode(data, type=Question) for _, data in batch.events]
                after = batch.last
        except (StreamNotFound, StreamGone):
            pass
        return found

    async def history(self, session: str, *, max_messages: int) -> list[ChatMessage]:
        """The conversation so far, as a model reads it, with what its tools were asked and
        answered: the latest messages, in order.

        Never begins in the middle of an exchange; one that is too long with its tools is
        told without them.
        """
        messages: list[ChatMessage] = []
        for number, question in reversed([*enumerate(await self.questions(session), 1)]):
            room = max_messages - len(messages)
            exchange = await self._exchange(question, calls=f"call_{number}", room=room)
            if not exchange:
                break
            messages = exchange + messages
        return messages

    async def latest_run(self, session: str) -> str:
        """The run of the last question. Raises NotFound."""
        return (await self.latest_runs(session))[0]

    async def latest_runs(self, session: str) -> list[str]:
        """The runs of the last few questions, newest first. Raises NotFound."""
        questions = await self.questions(session)
        if not questions:
            raise NotFound("There is no such session.")
        return [question.run for question in questions[: -LATEST - 1 : -1]]

    async def _exchange(self, question: Question, *, calls: str, room: int) -> list[ChatMessage]:
        """A question and its answer in ``room`` messages; none where they do not fit."""
        asked = ChatMessage("user", question.message)
        answer = await self._answer(question.run) if room else Message("streaming", [])
        spoken = replace(answer, parts=[p for p in answer.parts if isinstance(p, TextPart)])
        forms = ([asked, *turns(form, calls=calls)] for form in (answer, spoken))
        return next((form for form in forms if len(form) <= room), [])

    async def _answer(self, run: str) -> Message:
        """An answer, as far as it came."""
        folding = Fold()
        after = 0
        try:
            while (batch := await self._log.read(run, after)).events:
                for event in batch.events:
                    if (said := decode(*event)) is not None:
                        folding.add(said)
                after = batch.last
        except (StreamNotFound, StreamGone):  # older than what the log keeps
            pass
        return folding.message()


def new_session_id() -> str:
    return secrets.token_hex(8)


def is_session_id(text: str) -> bool:
    """Whether a session can have this id."""
    return _ID.fullmatch(text) is not None


def stream_name(session: str) -> str:
    """The stream of a session. Raises BadRequest for an id that cannot be one."""
    if not is_session_id(session):
        raise BadRequest("A session id is 1 to 64 letters, digits, '-' or '_'.")
    return f"session/{session}"
