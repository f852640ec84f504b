"""What a server says of where it is, and how one ends that never began."""

from __future__ import annotations

import logging
import runpy
import sys
from types import SimpleNamespace

import pytest
import uvicorn
from uvicorn.protocols.http import flow_control, httptools_impl

from tidewire.server import protocol
from tidewire.server.serve import STARTUP_FAILURE, Server, _protocol


def test_a_server_that_could_not_start_does_not_end_as_if_it_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_: None)  # as uvicorn 0.34 does
    with pytest.raises(SystemExit) as ended:
        Server(uvicorn.Config("any:app", log_config=None)).run()
    assert ended.value.code == STARTUP_FAILURE


@pytest.mark.parametrize(
    ("address", "certificate", "shown"),
    [
        (("127.0.0.1", 8400), None, "http://127.0.0.1:8400"),
        (("::1", 8400, 0, 0), None, "http://[::1]:8400"),
        (("127.0.0.1", 8443), "cert.pem", "https://127.0.0.1:8443"),
        ("/run/tidewire.sock", None, "unix:/run/tidewire.sock"),
    ],
)
def test_it_says_where_it_can_be_reached(
    address: object, certificate: str | None, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tidewire")
    listening = SimpleNamespace(getsockname=lambda: address)
    config = uvicorn.Config("any:app", log_config=None, ssl_certfile=certificate)
    Server(config)._log_started_message([listening])
    assert caplog.messages == [f"Listening on {shown} – Ctrl+C ends it"]


def test_ours_is_the_protocol_of_a_uvicorn_that_is_built_as_we_know_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert _protocol("its own") is protocol.TidewireProtocol
    assert not caplog.messages


@pytest.mark.parametrize("module", [None, SimpleNamespace(FITS=False, TidewireProtocol=None)])
def test_another_is_used_as_it_is_and_one_line_tells(
    module: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, protocol.__name__, module)
    assert _protocol("its own") == "its own"
    assert [f"uvicorn {uvicorn.__version__}" in line for line in caplog.messages] == [True]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (httptools_impl, "HttpToolsProtocol"),
        (httptools_impl, "RequestResponseCycle"),
        (flow_control, "FlowControl"),
    ],
)
def test_another_is_one_that_keeps_its_state_elsewhere(
    module: object, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, type(name, (), {}))
    assert not runpy.run_path(protocol.__file__)["FITS"]
