"""What commands tell a person: of lost connections, of gaps, of ends, and what may help."""

from __future__ import annotations

import re
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any

import typer

from tidewire.errors import ServerRefused, TidewireError

if TYPE_CHECKING:
    from tidewire.answers.events import AnswerEvent

__all__ = ["advice", "bearer", "say", "tell_end", "tell_reset", "tell_wait", "write_utf_8"]

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ADVICE = {
    "unauthorized": " Give it by --token or TIDEWIRE_TOKEN.",
    "method_not_allowed": " Is --server (TIDEWIRE_SERVER) the address of tidewire serve?",
    "not_found": " Is the address right?",
    ServerRefused.code: " Does tidewire serve run there?",
}


def write_utf_8() -> None:
    """Has files and pipes get UTF-8, as stdin is read; a terminal, what it can show."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            encoding = stream.encoding if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="replace")


def advice(error: TidewireError) -> str:
    """What a person at a terminal may do about it, if we know."""
    return _ADVICE.get(error.code, "")


def bearer(token: str | None) -> dict[str, str]:
    """The header that carries a token, if there is one."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def say(text: str, *, nl: bool = True, err: bool = False, **style: Any) -> None:
    """Prints what others have said, a model, a publisher or a server, without what would steer
    a terminal: it could change what was printed before, or the clipboard. A file gets all.

    ``style`` is typer's.
    """
    stream = sys.stderr if err else sys.stdout
    if stream is not None and stream.isatty():
        text = _CONTROLS.sub("", text)
    if style:
        typer.secho(text, nl=nl, err=err, **style)
    else:
        typer.echo(text, nl=nl, err=err, color=True)  # else what is in colour is cut from a file


def tell_wait(delay_seconds: float, reason: str) -> None:
    """Says on stderr why nothing comes, and when the next try is."""
    say(f"[{reason}; again in {delay_seconds:.1f} s]", fg="yellow", err=True)


def tell_reset(data: str) -> None:
    """Says on stderr what a ``stream.reset`` says: what could not be continued, and why."""
    import json

    reset = json.loads(data)
    lost = f", {reset['lost']} events are lost" if "lost" in reset else ""
    stream = reset["stream"] or "a stream"
    say(f"[{stream} was not continued: {reset['reason']}{lost}]", fg="yellow", err=True)


def tell_end(event: AnswerEvent | None) -> None:
    """Says on stderr of an answer's last event that what was said is not all."""
    from tidewire.answers.events import RunFailed, RunStopped

    if isinstance(event, RunFailed):
        say(f"The answer failed: {event.message} ({event.code})", fg="red", err=True)
    elif isinstance(event, RunStopped):
        typer.secho("[the answer was stopped]", fg="yellow", err=True)
