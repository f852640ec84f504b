"""Who may come in: the secret, other web origins, and what the console's pages may load."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.unit.server.conftest import Start
from tidewire.server import console
from tidewire.server.app import create_app
from tidewire.server.settings import Settings

SECRET = "open sésame"


@pytest.fixture
async def locked(start: Start) -> httpx.AsyncClient:
    return await start(auth={"secret": SECRET})


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {SECRET}".encode()},
        {"Authorization": f"Bearer {SECRET}!".encode()},
        {"x-api-key": "wrong"},
        {"Cookie": "tidewire_secret="},
        {"Cookie": "tidewire_secret=wrong"},
        {"Cookie": f"other={SECRET}".encode()},
    ],
)
@pytest.mark.parametrize("path", ["/api/models", "/api/none", "/metrics"])
async def test_without_the_secret_nobody_comes_in(
    locked: httpx.AsyncClient, path: str, header: dict[str, str]
) -> None:
    response = await locked.get(path, headers=header)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["error"]["code"] == "unauthorized"


@pytest.mark.parametrize("root", ["/tide", "/a", "/v"])
@pytest.mark.parametrize("path", ["/api/models", "/v1/models"])
async def test_nor_where_the_app_is_a_part_of_another(root: str, path: str) -> None:
    settings = Settings(log={"url": "memory://"}, auth={"secret": SECRET})
    whole = Starlette(routes=[Mount(root, create_app(settings))])
    transport = httpx.ASGITransport(whole)
    async with httpx.AsyncClient(transport=transport, base_url="http://tidewire.test") as api:
        response = await api.get(root + path)
        assert response.status_code == 401
        assert ("param" in response.json()["error"]) == path.startswith("/v1")
        known = await api.get(root + path, headers={"x-api-key": SECRET.encode()})
        assert known.status_code == 200


@pytest.mark.parametrize("root", ["/a", "/v"])
@pytest.mark.parametrize("path", ["/api/models", "/v1/models"])
async def test_nor_by_a_root_that_only_looks_like_a_part_of_the_path(root: str, path: str) -> None:
    settings = Settings(log={"url": "memory://"}, auth={"secret": SECRET})
    transport = httpx.ASGITransport(create_app(settings), root_path=root)
    async with httpx.AsyncClient(transport=transport, base_url="http://tidewire.test") as api:
        assert (await api.get(path)).status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        {"Authorization": f"Bearer {SECRET}".encode()},
        {"Authorization": f"bearer  {SECRET}".encode()},
        {"x-api-key": SECRET.encode()},
        {"x-api-key": SECRET.encode(), "Authorization": "Bearer wrong"},
        {"Cookie": f"tidewire_secret={SECRET}".encode()},
        {"Cookie": f"x/y=1; b; tidewire_secret={SECRET}; c=2".encode()},
    ],
)
async def test_with_the_secret_everybody_does(
    locked: httpx.AsyncClient, header: dict[str, str]
) -> None:
    assert (await locked.get("/api/models", headers=header)).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/", "/openapi.json"])
async def test_health_and_pages_are_open(locked: httpx.AsyncClient, path: str) -> None:
    assert (await locked.get(path)).status_code == 200


PREFLIGHT = {
    "Origin": "https://app.example.com",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type, last-event-id, idempotency-key",
}


async def test_another_origin_may_call_if_it_is_listed(start: Start) -> None:
    api = await start(cors={"origins": ["https://app.example.com"]})
    asked = await api.options("/api/chat", headers=PREFLIGHT)
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "idempotency-key" in asked.headers["access-control-allow-headers"]
    answer = await api.post("/api/chat", json={"message": "m"}, headers=PREFLIGHT)
    exposed = answer.headers["access-control-expose-headers"]
    assert {"Location", "X-Run-Id", "X-Session-Id"} <= set(exposed.split(", "))
    assert {"Retry-After", "Tidewire-Cursor"} <= set(exposed.split(", "))
    assert "access-control-allow-credentials" not in answer.headers


async def test_another_origin_that_is_not_listed_is_told_nothing(start: Start) -> None:
    api = await start(cors={"origins": ["https://app.example.com"]})
    other = {**PREFLIGHT, "Origin": "https://evil.example.com"}
    assert (await api.options("/api/chat", headers=other)).status_code == 400
    answer = await api.post("/api/chat", json={"message": "m"}, headers=other)
    assert "access-control-allow-origin" not in answer.headers


async def test_with_credentials_the_origin_itself_is_named(start: Start) -> None:
    api = await start(cors={"origins": ["https://app.example.com"], "credentials": True})
    answer = await api.get("/api/chat?message=m", headers={**PREFLIGHT, "Cookie": "a=b"})
    assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "Origin" in answer.headers["vary"]


async def test_a_page_of_a_known_origin_may_ask_by_every_method_that_there_is(start: Start) -> None:
    api = await start(cors={"origins": ["https://app.example.com"]})
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        wanted = {**PREFLIGHT, "Access-Control-Request-Method": method}
        assert (await api.options("/api/channels/news", headers=wanted)).status_code == 200


async def test_every_origin_may_call_if_that_is_wanted(start: Start) -> None:
    api = await start(cors={"origins": ["*"]})
    answer = await api.get("/api/chat?message=m", headers=PREFLIGHT)
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_preflight_needs_no_secret_and_a_refusal_can_be_read(start: Start) -> None:
    api = await start(auth={"secret": SECRET}, cors={"origins": ["https://app.example.com"]})
    assert (await api.options("/api/chat", headers=PREFLIGHT)).status_code == 200
    refused = await api.post("/api/chat", json={"message": "m"}, headers=PREFLIGHT)
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://app.example.com"


@pytest.fixture
async def pages(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> httpx.AsyncClient:
    """A server with a console of small files."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "index-abc.js").write_text("1")
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "preview.html").write_text("<!doctype html>")
    monkeypatch.setattr(console, "FOLDER", tmp_path)
    return await start()


async def test_the_console_may_load_from_its_own_server_only(pages: httpx.AsyncClient) -> None:
    page = await pages.get("/")
    policy = dict(
        rule.split(" ", 1) for rule in page.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'self'"
    assert "script-src" not in policy  # so the default holds: no inline script, no eval
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_a_page_from_an_answer_has_scripts_but_neither_origin_nor_network(
    pages: httpx.AsyncClient,
) -> None:
    stage = await pages.get("/preview.html")
    rules = stage.headers["content-security-policy"].split("; ")
    assert {"sandbox allow-scripts", "default-src 'none'", "frame-ancestors 'self'"} <= set(rules)
    assert "connect-src" not in stage.headers["content-security-policy"]


async def test_hashed_files_are_kept_and_pages_are_asked_for_again(
    pages: httpx.AsyncClient,
) -> None:
    assert "immutable" in (await pages.get("/assets/index-abc.js")).headers["cache-control"]
    assert (await pages.get("/")).headers["cache-control"] == "no-cache"
    assert (await pages.get("/assets/none.js")).status_code == 404
    assert (await pages.get("/../settings.py")).status_code == 404


async def test_files_can_be_got_and_nothing_else(pages: httpx.AsyncClient) -> None:
    refused = await pages.post("/")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_without_a_built_console_the_server_says_so(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "FOLDER", tmp_path)
    page = await (await start()).get("/")
    assert page.status_code == 200
    assert "The console was not built" in page.text
