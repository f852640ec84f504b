"""By which names a server is called, by what browsers, proxies and programs send."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse

from tests.unit.server.conftest import Start
from tidewire.server.hosts import CheckHost

HERE = "http://127.0.0.1:8400"
BROWSER = {"Connection": "keep-alive", "Accept-Language": "en"}


async def is_refused(host: str, *, base_url: str = HERE, **more: str) -> bool:
    app = CheckHost(PlainTextResponse("in"), ["App.example.com:80"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url) as api:
        return (await api.get("/", headers={**BROWSER, "Host": host, **more})).status_code == 421


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8400",
        "localhost.",
        "tide.localhost:8400",
        "127.0.0.1:8400",
        "[::1]:8400",
        "[::1]",
        "10.0.0.7",
        "host.docker.internal:8400",
        "app.EXAMPLE.com:443",
        "",
    ],
)
async def test_names_that_no_stranger_can_have_are_the_servers(host: str) -> None:
    assert not await is_refused(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8400",
        "localhost.evil.example",
        "127.0.0.1.evil.example:8400",
        "other.app.example.com",
        "notlocalhost",
        "evil.example:",
        "[evil.example]",
    ],
)
@pytest.mark.parametrize("more", [{}, {"X-Forwarded-For": "10.0.0.1"}, {"Accept-Language": ""}])
async def test_a_name_that_was_made_to_lead_here_is_not(host: str, more: dict[str, str]) -> None:
    for base_url in (HERE, "http://[::1]:8400"):
        assert await is_refused(host, base_url=base_url, **more)


@pytest.mark.parametrize(
    "more",
    [
        {"Connection": "close"},  # nginx as it comes
        {"Connection": ""},  # nginx with kept connections, Caddy, HAProxy
        {"Connection": "Keep-Alive"},  # Apache
        {"Via": "1.1 gate"},
    ],
)
async def test_a_proxy_passes_on_the_name_it_is_known_by(more: dict[str, str]) -> None:
    assert not await is_refused("tidewire.example.com", **more)


@pytest.mark.parametrize("base_url", ["http://10.0.0.7", "http://run-tidewire.sock"])
async def test_only_on_loopback(base_url: str) -> None:
    assert not await is_refused("evil.example", base_url=base_url)


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({}, 421),
        ({"allowed_hosts": ["other.example"]}, 421),
        ({"allowed_hosts": ["evil.example"]}, 200),
        ({"allowed_hosts": ["*"]}, 200),
        ({"auth": {"secret": "sesame"}}, 200),
    ],
)
async def test_a_secret_or_a_setting_opens_to_other_names(
    start: Start, settings: dict[str, object], status: int
) -> None:
    api = await start(**settings)
    headers = {**BROWSER, "Host": "evil.example"}
    response = await api.get(f"{HERE}/healthz", headers=headers)
    assert response.status_code == status


async def test_the_refusal_says_which_setting_to_change(start: Start) -> None:
    api = await start()
    headers = {**BROWSER, "Host": "evil.example"}
    error = (await api.get(f"{HERE}/api/models", headers=headers)).json()["error"]
    assert (error["code"], error["retryable"]) == ("host_not_allowed", False)
    assert "evil.example" in error["message"]
    assert "allowed_hosts" in error["message"]
