"""``tidewire mock``: model APIs that are not real, on one port."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tidewire.mock.app import Mock
    from tidewire.mock.exchange import Exchange
    from tidewire.mock.scenario import Scenario

__all__ = ["mock"]


def mock(
    scenario: Annotated[
        Path | None,
        typer.Option(help="What to say, in TOML; see docs/mock.md.", dir_okay=False),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 9100,
    replay: Annotated[
        Path | None,
        typer.Option(help="Answer everything with a file of tidewire record.", dir_okay=False),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(help="Of the replay; 0 is as fast as can be.", min=0, show_default="1"),
    ] = None,
) -> None:
    """Speak the model APIs without a model: OpenAI (chat and responses), Anthropic, Gemini,
    Ollama, DashScope, and Dify, on one port.

    Point any client at it, for example a model of tidewire serve: api = "openai",
    base_url = "http://127.0.0.1:9100/v1". Without a scenario every question is said back at
    a human pace. A scenario says what to answer to what, with reasoning, tool calls and
    usage, how fast, and what goes wrong.

    Faults can be asked for by each request, too, with a header such as
    "x-mock-fault: break-after=3" or "x-mock-fault: status=429, retry-after=2", or in the
    URL as "?mock-fault=stall-after=1". GET / lists what is served and all faults,
    GET /requests what became of each request.
    """
    from tidewire.mock.app import Mock
    from tidewire.mock.recording import load_recording
    from tidewire.mock.serve import run

    if scenario is not None and replay is not None:
        raise typer.BadParameter("give --scenario or --replay, not both")
    if speed is not None and replay is None:
        raise typer.BadParameter("it is that of a --replay", param_hint="--speed")
    recording = None if replay is None else load_recording(replay)
    app = Mock(_scenario(scenario), recording=recording, speed=1.0 if speed is None else speed)
    app.exchanges.on_end = _tell
    run(app, host, port, ready=lambda url: _introduce(app, url))


def _scenario(path: Path | None) -> Scenario:
    from tidewire.mock.scenario import Pace, Scenario, load_scenario

    if path is not None:
        return load_scenario(path)
    return Scenario(pace=Pace(first_token_seconds=0.3, tokens_per_second=40, jitter=0.5))


def _introduce(app: Mock, url: str) -> None:
    about = app.about()
    typer.echo(f"Mock of model APIs at {url} – Ctrl+C ends it", err=True)
    if "replays" in about:
        head = about["replays"]
        typer.echo(f"  every request: the recording of {head['method']} {head['url']}", err=True)
    for name, route in about.get("serves", {}).items():
        typer.echo(f"  {name:<17} {route}", err=True)


def _tell(exchange: Exchange) -> None:
    asked = exchange.question.replace("\n", " ")[:60]
    typer.echo(
        f"{exchange.status} {exchange.method} {exchange.path} · {exchange.model} {asked!r} · "
        f"{exchange.state} after {exchange.sent_bytes} bytes",
        err=True,
    )
