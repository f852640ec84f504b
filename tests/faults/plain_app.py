"""The app of ``tidewire serve`` for servers other than ours: ``uvicorn --factory``."""

from __future__ import annotations

import os
from pathlib import Path

from fastapi import FastAPI

from tidewire.server.app import create_app
from tidewire.server.settings import load_settings


def create() -> FastAPI:
    settings = load_settings(Path(os.environ["CONFIG_FILE"]), data=Path(os.environ["DATA_FOLDER"]))
    return create_app(settings)
