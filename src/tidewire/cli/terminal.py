"""What commands tell a person: of lost connections, of gaps, and what may help."""

from __future__ import annotations

import typer

from tidewire.errors import ServerRefused, TidewireError

__all__ = ["advice", "bearer", "tell_reset", "tell_wait"]

_ADVICE = {
    "unauthorized": " Give it by --token or TIDEWIRE_TOKEN.",
    "method_not_allowed": " Is --server (TIDEWIRE_SERVER) the address of tidewire serve?",
    ServerRefused.code: " Does tidewire serve run there?",
}


def advice(error: TidewireError) -> str:
    """What a person at a terminal may do about it, if we know."""
    return _ADVICE.get(error.code, "")


def bearer(token: str | None) -> dict[str, str]:
    """The header that carries a token, if there is one."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def tell_wait(delay_seconds: float, reason: str) -> None:
    """Says on stderr why nothing comes, and when the next try is."""
    typer.secho(f"[{reason}; again in {delay_seconds:.1f} s]", fg="yellow", err=True)


def tell_reset(data: str) -> None:
    """Says on stderr what a ``stream.reset`` says: what could not be continued, and why."""
    import json

    reset = json.loads(data)
    lost = f", {reset['lost']} events are lost" if "lost" in reset else ""
    stream = reset["stream"] or "a stream"
    typer.secho(f"[{stream} was not continued: {reset['reason']}{lost}]", fg="yellow", err=True)
