"""``tidewire serve``: the whole server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["serve"]


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on.", show_default="8400", min=0, max=65535),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="Settings in TOML; see docs/reference/settings.md.", dir_okay=False),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Directory of the SQLite files.", show_default="./data")
    ] = None,
) -> None:
    """Run the server: chat API, resumable streams, console.

    Without a config file there is one model, "demo", which answers offline. Every
    setting can also be given as an environment variable: TIDEWIRE_PORT,
    TIDEWIRE_LOG__SYNCHRONOUS, …
    """
    from tidewire import __version__
    from tidewire.server.app import create_app
    from tidewire.server.serve import run
    from tidewire.server.settings import load_settings

    settings = load_settings(config, host=host, port=port, data=data)
    app = create_app(settings)
    models = ", ".join(settings.models) or "demo (answers offline)"
    typer.secho(f"Tidewire {__version__} · models: {models} · log: {settings.log_url}", err=True)
    run(app, host=settings.host, port=settings.port)
