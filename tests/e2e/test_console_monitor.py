"""The monitor in the console: figures as they change, and the hour before."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, expect

from tests.e2e.console_visits import PHONE, Visitor, Visits

pytestmark = pytest.mark.asyncio(loop_scope="session")


FIGURES = ["cpu", "memory", "network", "deliveries", "connections", "firstToken"]

# What the first drawing of a chart shows, before anything comes in live. Its last line: those
# before it are of other visits, with gaps between them.
FIRST_LINE = """
  new MutationObserver(() => {
    const lines = document.querySelectorAll("[data-figure=cpu] [data-testid=chart-line]");
    const line = [...lines].at(-1);
    if (line) window.firstLine ??= line.getAttribute("d");
  }).observe(document, { childList: true, subtree: true });
"""


def figure(visitor: Visitor, name: str) -> Locator:
    return visitor.page.locator(f"[data-figure={name}]")


def value(visitor: Visitor, name: str) -> Locator:
    return figure(visitor, name).get_by_test_id("figure-value")


async def look(visitor: Visitor, state: str) -> None:
    """Has the browser say that the page is looked at, or not."""
    await visitor.page.evaluate(
        """(state) => {
          Object.defineProperty(document, "visibilityState", { configurable: true, value: state });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        state,
    )


async def test_the_figures_come_and_go_on(visits: Visits) -> None:
    visitor = await visits.person("monitor")
    await visitor.wait_for_connection("monitor", "open")
    shown = visitor.find("figure")
    await expect(shown).to_have_count(len(FIGURES))
    assert await shown.evaluate_all("all => all.map(one => one.dataset.figure)") == FIGURES
    for name in FIGURES[:-1]:
        await expect(value(visitor, name)).to_have_text(re.compile(r"[0-9]"))
    await visits.api.get("/api/chat?message=hello")
    await expect(value(visitor, "firstToken")).to_have_text(re.compile(r"^[0-9.]+ m?s$"))


async def test_who_comes_later_sees_what_was_before(visits: Visits) -> None:
    early = await visits.person("monitor")
    line = figure(early, "cpu").get_by_test_id("chart-line").last
    await expect(line).to_have_attribute("d", re.compile("L.*L"))
    late = await visits.person("chat")
    await late.page.add_init_script(FIRST_LINE)
    await late.page.reload()
    await late.find("view-monitor").click()
    await expect(late.find("figure").first).to_be_visible()
    assert (await late.page.evaluate("window.firstLine")).count("L") >= 2


async def test_a_moment_can_be_pointed_at(visits: Visits) -> None:
    visitor = await visits.person("monitor")
    await expect(value(visitor, "cpu")).to_contain_text("%")
    await visitor.find("window-60").click()
    await figure(visitor, "memory").locator("svg").hover(position={"x": 2, "y": 20})
    # Before the first sample nothing is known, in any chart.
    await expect(value(visitor, "cpu")).to_have_text("–")
    await visitor.find("bell").hover()
    await expect(value(visitor, "cpu")).to_contain_text("%")


async def test_a_lost_connection_is_told_and_mended(visits: Visits) -> None:
    visitor = await visits.person("monitor", over_proxy=True)
    await visitor.wait_for_connection("monitor", "open")
    visits.network_goes()
    await visitor.wait_for_connection("monitor", "reconnecting")
    await visits.network_returns(visitor)
    await visitor.wait_for_connection("monitor", "open")


async def test_it_is_left_while_nobody_looks(visits: Visits) -> None:
    visitor = await visits.person("monitor")
    await visitor.wait_for_connection("monitor", "open")
    await expect(value(visitor, "cpu")).to_contain_text("%")  # before it there is no place to keep
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    async with visitor.page.expect_event("requestfailed", lambda one: "/api/monitor" in one.url):
        await look(visitor, "hidden")
    assert not any("/api/monitor" in url for url in asked)
    async with visitor.page.expect_response(lambda one: "/api/monitor" in one.url) as response:
        await look(visitor, "visible")
    resumed = await (await response.value).request.header_value("last-event-id")
    assert resumed


async def test_it_fits_a_phone(visits: Visits) -> None:
    visitor = await visits.person("monitor", **PHONE)
    await expect(visitor.find("figure")).to_have_count(len(FIGURES))
    assert await visitor.overflow() == 0
