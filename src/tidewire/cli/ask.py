"""``tidewire ask "…"``: put a question to a running server and watch the answer arrive."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tidewire.cli.address import DEFAULT_SERVER, Server, Token
from tidewire.cli.stdin import read_all
from tidewire.cli.terminal import say

if TYPE_CHECKING:
    from tidewire.answers.events import AnswerEvent
    from tidewire.client import Following
    from tidewire.wire.parser import ServerSentEvent

__all__ = ["ask"]

ATTEMPTS_TO_BEGIN = 3  # a person is waiting, perhaps for a server that was never started
ATTEMPTS_TO_GO_ON = 10  # about a minute in a row: time for a restart


def ask(
    message: Annotated[
        str, typer.Argument(help="The question; -: stdin.", callback=_read_question)
    ],
    server: Server = DEFAULT_SERVER,
    model: Annotated[str | None, typer.Option(help="A model of the server.")] = None,
    session: Annotated[str | None, typer.Option(help="Go on with this conversation.")] = None,
    options: Annotated[
        dict[str, Any] | None,
        typer.Option(
            parser=_read_options,
            metavar="JSON",
            help="How to answer, as POST /api/chat takes it: '{\"max_tokens\": 200}'.",
        ),
    ] = None,
    reasoning: Annotated[
        bool, typer.Option("--reasoning", help="Show the model's thinking, on stderr.")
    ] = False,
    token: Token = None,
) -> None:
    """Ask, and print the answer's text as it comes.

    A lost connection is resumed by itself. Ctrl+C stops the answer on the server, too;
    what it said until then is kept. The session's id is told on stderr at the end, for
    a next question in the same conversation.
    """
    session = session or os.urandom(8).hex()  # ours, to stop by what is not heard of yet
    question = {"message": message, "model": model, "session": session, "options": options}
    question = {name: value for name, value in question.items() if value is not None}
    try:
        failed = asyncio.run(_ask(server.rstrip("/"), question, reasoning, token))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if failed:
        raise typer.Exit(1)


def _read_question(text: str) -> str:
    """The question as UTF-8, whatever the terminal's encoding is."""
    said = read_all() if text == "-" else os.fsencode(text)
    if not said.strip():
        raise typer.BadParameter("The question is empty.")
    return said.decode(errors="replace")


def _read_options(text: str) -> dict[str, Any]:
    try:
        options = json.loads(text)
    except ValueError:
        options = None
    if not isinstance(options, dict):
        raise typer.BadParameter("This is no JSON object.")
    return options


async def _ask(server: str, question: dict[str, Any], reasoning: bool, token: str | None) -> bool:
    from tidewire.answers.events import RunFailed, decode
    from tidewire.cli.terminal import bearer, tell_end
    from tidewire.client import Following
    from tidewire.client.refusal import RETRIED
    from tidewire.errors import ServerRefused

    following = Following(f"{server}/api/chat")
    following.session = question["session"]
    headers = bearer(token)
    event: AnswerEvent | None = None
    try:
        async for sent in _answer(following, question, headers):
            event = decode(sent.event, sent.data)
            _show(event, reasoning)
    except asyncio.CancelledError:
        await _stop(server, following, headers)
        raise
    except ServerRefused as exc:
        if exc.status in RETRIED:
            _tell_where_it_goes_on(following)
        if exc.status not in RETRIED or exc.code == ServerRefused.code:
            raise
        event = RunFailed(exc.code, str(exc))
    tell_end(event)
    if following.session:
        say(f"[session {following.session}]", dim=True, err=True)
    return isinstance(event, RunFailed)


async def _answer(
    following: Following, question: dict[str, Any], headers: dict[str, str]
) -> AsyncGenerator[ServerSentEvent, None]:
    """The answer's events. One that has begun is waited for longer than one that has not."""
    from tidewire.cli.terminal import tell_wait
    from tidewire.client import follow
    from tidewire.client.refusal import RETRIED
    from tidewire.errors import ServerRefused

    how: dict[str, Any] = {"headers": headers, "following": following, "on_wait": tell_wait}
    try:
        async for sent in follow(
            following.url, question=question, max_attempts=ATTEMPTS_TO_BEGIN, **how
        ):
            yield sent
        return
    except ServerRefused as exc:
        if exc.status not in RETRIED or following.location is None:
            raise
    async for sent in follow(
        following.location, cursor=following.cursor, max_attempts=ATTEMPTS_TO_GO_ON, **how
    ):
        yield sent


def _show(event: AnswerEvent | None, reasoning: bool) -> None:
    from tidewire.answers.events import ReasoningDelta, ReasoningEnd, TextDelta, TextEnd, ToolReady

    match event:
        case TextDelta(delta=delta):
            say(delta, nl=False)
        case TextEnd():
            typer.echo()
        case ReasoningDelta(delta=delta) if reasoning:
            say(delta, nl=False, dim=True, err=True)
        case ReasoningEnd() if reasoning:
            typer.echo(err=True)
        case ToolReady(name=name):
            say(f"[calls {name}]", dim=True, err=True)
        case _:
            pass


def _tell_where_it_goes_on(following: Following) -> None:
    if following.location is not None:
        since = ["--cursor", following.cursor] if following.cursor else []
        command = shlex.join(["tidewire", "tail", following.location, "--text", *since])
        say(f"\n[the answer may go on; to read it: {command}]", fg="yellow", err=True)


async def _stop(server: str, following: Following, headers: dict[str, str]) -> None:
    """Stops the run; or what goes on in the session, while the server waits for its first
    word and has not said which run it is."""
    import aiohttp

    from tidewire.client.refusal import describe, read_refusal

    place = f"runs/{following.run}" if following.run else f"sessions/{following.session}"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session,
            session.post(f"{server}/api/{place}/stop", headers=headers) as response,
        ):
            if response.status == 404:  # it had not begun
                return
            failure = str(await read_refusal(response)) if response.status != 200 else ""
    except (aiohttp.ClientError, TimeoutError) as exc:
        failure = describe(exc)
    told = f"not stopped: {failure.removesuffix('.')}" if failure else "stopped"
    say(f"\n[{told}]", fg="yellow", err=True)
