"""How a server ends that never began."""

from __future__ import annotations

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
