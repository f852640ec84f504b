"""What a server says of where it is, and how one ends that never began."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
import uvicorn

from tidewire.server.serve import STARTUP_FAILURE, Server


def test_a_server_that_could_not_start_does_not_end_as_if_it_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_: None)  # as uvicorn 0.34 does
    with pytest.raises(SystemExit) as ended:
        Server(uvicorn.Config("any:app", log_config=None)).run()
    assert ended.value.code == STARTUP_FAILURE


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (("127.0.0.1", 8400), "http://127.0.0.1:8400"),
        (("::1", 8400, 0, 0), "http://[::1]:8400"),
        ("/run/tidewire.sock", "unix:/run/tidewire.sock"),
    ],
)
def test_it_says_where_it_can_be_reached(
    address: object, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tidewire")
    listening = SimpleNamespace(getsockname=lambda: address)
    Server(uvicorn.Config("any:app", log_config=None))._log_started_message([listening])
    assert caplog.messages == [f"Listening on {shown} – Ctrl+C ends it"]
