"""Which calls of web pages are let in, by what browsers, proxies and programs send."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse

from tests.unit.server.conftest import Start
from tidewire.server.origins import CheckOrigin

OURS, LISTED, OTHER = "http://tidewire.test", "https://app.example.com", "https://evil.example"
CHANNEL, ASK = "/api/channels/news", "/api/chat?message=m"


def fetched(site: str, **more: str) -> dict[str, str]:
    """What a browser adds to a page's call."""
    fields = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"}
    return fields | {name.replace("_", "-"): value for name, value in more.items()}


EVIL = fetched("cross-site", Origin=OTHER)
OPENED = fetched("cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")


async def is_refused(method: str, path: str, fields: dict[str, str]) -> bool:
    app = CheckOrigin(PlainTextResponse("in"), [LISTED])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=OURS) as api:
        return (await api.request(method, path, headers=fields)).status_code == 403


@pytest.mark.parametrize(
    "fields",
    [
        fetched("same-origin", Origin=OURS),
        fetched("same-origin", Origin="http://behind.a.proxy"),
        fetched("same-origin", Origin="null"),
        fetched("none"),
        fetched("cross-site", Origin=LISTED),
        fetched("same-site", Origin=LISTED),
        {},  # curl, an SDK, a server
        {"Sec-Fetch-Mode": "cors"},  # Node's fetch
        {"Origin": OURS},
        {"Origin": LISTED},
        {"Origin": "http://localhost:9000", "Host": "localhost:9000"},
        {"Origin": "http://[::1]:9000", "Host": "[::1]:9000"},
        {"Origin": OTHER, "X-Forwarded-For": "10.0.0.1"},
        {"Origin": OTHER, "X-Forwarded-Host": "evil.example"},
        {"Origin": OTHER, "X-Real-IP": "10.0.0.1"},
        {"Origin": OTHER, "Forwarded": "for=10.0.0.1"},
        {"Origin": OTHER, "Via": "1.1 gate"},
        {"Origin": OTHER, "Connection": "close"},  # nginx as it comes
        {"Origin": OTHER, "Connection": ""},  # nginx with kept connections
    ],
)
async def test_what_no_other_page_has_sent_comes_in(fields: dict[str, str]) -> None:
    assert not await is_refused("POST", CHANNEL, fields)
    assert not await is_refused("GET", ASK, fields)


@pytest.mark.parametrize(
    "fields",
    [
        EVIL,
        EVIL | {"X-Forwarded-For": "10.0.0.1"},
        fetched("same-site", Origin=OTHER),
        fetched("cross-site", Origin="null"),
        fetched("cross-site", Origin=f"{LISTED}:444"),
        fetched("cross-site", Origin=LISTED.upper()),
        fetched("cross-site"),  # an image
        fetched("cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="iframe"),
        fetched("none", Sec_Purpose="prefetch", Sec_Fetch_Dest="document"),
        fetched("never-heard-of"),
        {"Origin": OTHER},
        {"Origin": OTHER, "Sec-Fetch-Site": ""},
        {"Origin": "null"},
        {"Origin": f"{OURS}:81"},
        {"Origin": f"{OURS}.evil.example"},
        {"Origin": OTHER, "Connection": "Upgrade", "Sec-WebSocket-Key": "a"},
        {"Origin": OTHER, "X-Forwarded-For": "10.0.0.1", "Sec-WebSocket-Key": "a"},
    ],
)
async def test_what_another_page_sends_is_refused(fields: dict[str, str]) -> None:
    assert await is_refused("POST", CHANNEL, fields)
    assert await is_refused("GET", ASK, fields)


@pytest.mark.parametrize(
    ("method", "path", "fields", "refused"),
    [
        ("PUT", "/api/rooms/r/presence", EVIL, True),
        ("PATCH", "/api/events/c", EVIL, True),
        ("DELETE", CHANNEL, EVIL, True),
        ("QUERY", "/none", EVIL, True),
        ("HEAD", CHANNEL, EVIL, True),
        ("GET", "/v1/models", EVIL, True),
        ("GET", "/healthz", EVIL, False),
        ("GET", "/", EVIL, False),
        ("GET", "/apix", EVIL, False),
        ("OPTIONS", CHANNEL, EVIL, False),
        ("GET", ASK, OPENED, False),  # a link
        ("POST", CHANNEL, OPENED, True),  # a form
    ],
)
async def test_it_is_a_matter_of_method_and_path(
    method: str, path: str, fields: dict[str, str], refused: bool
) -> None:
    assert await is_refused(method, path, fields) == refused


async def test_every_page_comes_in_if_that_is_wanted(start: Start) -> None:
    api = await start(cors={"origins": ["*"]})
    assert (await api.post(CHANNEL, content="tide", headers=EVIL)).status_code == 201


async def test_with_a_secret_the_cookie_alone_is_not_enough(start: Start) -> None:
    api = await start(auth={"secret": "sesame"})
    cookie = {"Cookie": "tidewire_secret=sesame"}
    refused = await api.post(CHANNEL, content="tide", headers=EVIL | cookie)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "origin_not_allowed")
    own = fetched("same-origin") | cookie
    assert (await api.post(CHANNEL, content="tide", headers=own)).status_code == 201


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/ai-sdk/chat/c"])
async def test_a_refusal_has_the_shape_of_its_path_and_says_what_to_do(
    api: httpx.AsyncClient, path: str
) -> None:
    refused = await api.post(path, headers=EVIL)
    assert refused.status_code == 403
    assert "[cors] origins" in refused.text
    assert ('"type":"permission_error"' in refused.text) == path.startswith("/v1/")
