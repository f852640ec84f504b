"""Sessions: which questions were asked in a conversation, and which run answered each.

A session is a stream in the log: one event per question, naming its run. What was
answered is read from the runs' own streams, so nothing is stored twice and a session
can never disagree with what its viewers saw.
"""

from __future__ import annotations

import re
import secrets

import msgspec

from tidewire.answers.events import AnswerEvent, TextDelta, decode
from tidewire.errors import BadRequest, NotFound, StreamGone, StreamNotFound
from tidewire.log.base import Log
from tidewire.models.base import ChatMessage
from tidewire.wire.event import Event

__all__ = ["Question", "Sessions"]

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Question(msgspec.Struct, frozen=True):
    """One turn: what was asked, and the run that answers it."""

    run: str
    message: str


class Sessions:
    """The sessions in a log."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def ask(self, session: str, question: Question) -> None:
        """Adds a question; a session begins with its first one."""
        name = stream_name(session)
        await self._log.create(name)
        event = Event("question", msgspec.json.encode(question).decode())
        await self._log.append(name, [event], key=question.run)

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
        """The conversation so far, as a model reads it: the latest messages, in order."""
        messages: list[ChatMessage] = []
        turns = (max_messages + 1) // 2
        for question in (await self.questions(session))[-turns:] if turns else []:
            messages.append(ChatMessage("user", question.message))
            if said := await self._said(question.run):
                messages.append(ChatMessage("assistant", said))
        return messages

    async def latest_run(self, session: str) -> str:
        """The run of the last question. Raises NotFound."""
        questions = await self.questions(session)
        if not questions:
            raise NotFound("There is no such session.")
        return questions[-1].run

    async def _said(self, run: str) -> str:
        """The text of an answer, as far as it came."""
        pieces: list[str] = []
        after = 0
        try:
            while (batch := await self._log.read(run, after)).events:
                for event in map(_decode, batch.events):
                    if isinstance(event, TextDelta):
                        pieces.append(event.delta)
                after = batch.last
        except (StreamNotFound, StreamGone):  # older than what the log keeps
            return ""
        return "".join(pieces)


def new_session_id() -> str:
    return secrets.token_hex(8)


def stream_name(session: str) -> str:
    """The stream of a session. Raises BadRequest for an id that cannot be one."""
    if not _ID.fullmatch(session):
        raise BadRequest("A session id is 1 to 64 letters, digits, '-' or '_'.")
    return f"session/{session}"


def _decode(event: Event) -> AnswerEvent | None:
    return decode(*event)
