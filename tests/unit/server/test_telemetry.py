"""The framework's telemetry: on where there is somebody to send it, and only there."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from tidewire.server.app import create_app
from tidewire.server.settings import Settings


def traces() -> bool:
    app = create_app(Settings(log={"url": "memory://"}))
    return bool(app._telemetry["tracing"])


def test_without_an_sdk_nobody_is_asked_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "opentelemetry.sdk", raising=False)
    monkeypatch.delenv("FASTAPI_OTEL_AUTO_CONFIGURE", raising=False)
    assert not traces()


def test_an_sdk_that_was_loaded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", ModuleType("sdk"))
    assert traces()


def test_one_that_is_to_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "opentelemetry.sdk", raising=False)
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    assert traces()
