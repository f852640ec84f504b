"""Visits to the console: people at browsers of their own, one server, and where asked for a
network that can be cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import httpx
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.e2e.cutting_proxy import CuttingProxy
from tests.e2e.tidewire_process import TidewireProcess

CONFIG = """
default_model = "demo"
[models.demo]
api = "demo"
first_token_seconds = 0.05
tokens_per_second = 120
[models.slow]
api = "demo"
first_token_seconds = 0.05
tokens_per_second = 15
[[channels]]
pattern = "room:short"
max_events = 3
"""
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
}
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Visitor:
    """One tab of the console."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def find(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    async def go(self, view: str) -> Self:
        """Opens ``#/{view}``."""
        await self.page.goto(f"/#/{view}")
        return self

    async def wait_for_connection(self, view: str, state: str) -> None:
        line = self.find(view).get_by_test_id("connection")
        await expect(line).to_have_attribute("data-state", state)

    async def overflow(self) -> int:
        """How much wider the page is than the screen."""
        wider: int = await self.page.evaluate(_OVERFLOW)
        return wider

    async def user(self) -> str:
        """The id by which the server knows this person."""
        user: str = await self.page.evaluate("localStorage['tidewire.setting.person']")
        return user


class Visits:
    """A server, and those who look at its console."""

    def __init__(self, browser: Browser, proxy: CuttingProxy, api: httpx.AsyncClient) -> None:
        self.proxy = proxy
        self.api = api
        self.complaints: list[str] = []
        """Errors in the browsers' consoles: violations of the policy, too."""
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    async def person(
        self, view: str, name: str = "", *, over_proxy: bool = False, **options: Any
    ) -> Visitor:
        """Somebody new; with a ``name``, rooms need not ask for one."""
        url = self.proxy.url if over_proxy else str(self.api.base_url)
        context = await self._browser.new_context(base_url=url, locale="en-GB", **options)
        self._contexts.append(context)
        if name:
            known = f"localStorage['tidewire.setting.name'] = {name!r}"
            await context.add_init_script(known)
        return await self._open(context, view)

    async def another_tab(self, visitor: Visitor, view: str) -> Visitor:
        """The same person once more."""
        return await self._open(visitor.page.context, view)

    async def hears(self, visitor: Visitor, *, tabs: int = 1) -> None:
        """Until so many tabs of the visitor are told of his notifications as they come."""
        channel = f"user:{await visitor.user()}"
        while True:
            connections = (await self.api.get("/api/connections")).json()["connections"]
            if sum(channel in each["streams"] for each in connections) == tabs:
                return
            await asyncio.sleep(0.02)  # the server's own: there is nothing to wait for

    def network_goes(self) -> None:
        """For those over the proxy: no connection stays, and none can be made."""
        self.proxy.is_down = True
        self.proxy.cut_all()

    async def network_returns(self, visitor: Visitor) -> None:
        """The browser says so, as it does; else a page would wait as long as it has learned to."""
        self.proxy.is_down = False
        await visitor.page.evaluate("dispatchEvent(new Event('online'))")

    async def everybody_leaves(self) -> None:
        for context in self._contexts:
            await context.close()
        self._contexts.clear()

    async def _open(self, context: BrowserContext, view: str) -> Visitor:
        page = await context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return await Visitor(page).go(view)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)


@asynccontextmanager
async def visiting(browser: Browser, folder: Path, config: str = "") -> AsyncIterator[Visits]:
    """A server of its own, for as long as it is visited."""
    server = TidewireProcess(folder, CONFIG + config)
    try:
        await server.start()
        async with (
            CuttingProxy(server.port) as proxy,
            httpx.AsyncClient(base_url=server.url, timeout=30) as api,
        ):
            yield Visits(browser, proxy, api)
    finally:
        await server.stop()


@asynccontextmanager
async def visit(visits: Visits) -> AsyncIterator[Visits]:
    """One test's visit: everybody leaves at its end, and nothing may have gone wrong."""
    try:
        yield visits
    finally:
        visits.proxy.is_down = False
        await visits.everybody_leaves()
    complaints, visits.complaints = visits.complaints, []
    assert complaints == []
