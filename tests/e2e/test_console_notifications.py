"""Notifications in the console: told in every tab, kept while nobody is there."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.console_visits import PHONE, Visitor, Visits

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def here(visits: Visits, **options: Any) -> Visitor:
    """Somebody who is told of his notifications: broadcasts count from now on."""
    visitor = await visits.person("chat", **options)
    await visits.hears(visitor)
    return visitor


async def tell(visits: Visits, user: str, title: str) -> None:
    told = await visits.api.post(f"/api/users/{user}/notifications", json={"title": title})
    told.raise_for_status()


async def test_all_tabs_are_told_and_know_what_was_read_in_one(visits: Visits) -> None:
    one = await here(visits)
    two = await visits.another_tab(one, "monitor")
    await visits.hears(one, tabs=2)
    for title in ("First", "Second"):
        await tell(visits, await one.user(), title)
    for tab in (one, two):
        await expect(tab.find("toast")).to_contain_text("Second")
        await expect(tab.find("unread")).to_have_text("2")
    await one.find("bell").click()
    await expect(one.find("toast")).to_have_count(0)
    await one.find("notification").filter(has_text="First").get_by_test_id("mark-read").click()
    for tab in (one, two):
        await expect(tab.find("unread")).to_have_text("1")
    await one.find("read-all").click()
    for tab in (one, two):
        await expect(tab.find("unread")).to_have_count(0)
    await expect(one.find("notification")).to_have_count(2)


async def test_who_was_away_finds_what_was_missed_without_a_fuss(visits: Visits) -> None:
    visitor = await here(visits)
    user = await visitor.user()
    await visitor.page.goto("about:blank")
    for number in range(3):
        await tell(visits, user, f"Missed {number}")
    back = await visitor.go("monitor")
    await expect(back.find("unread")).to_have_text("3")
    await expect(back.find("toast")).to_have_count(0)
    await back.find("bell").click()
    titles = back.find("notification").locator("strong")
    await expect(titles).to_have_text(["Missed 2", "Missed 1", "Missed 0"])


async def test_one_person_tells_everybody(visits: Visits) -> None:
    sender, receiver = await here(visits), await here(visits)
    await sender.find("bell").click()
    await sender.find("send-notification").click()
    await sender.find("send-to").select_option("all")
    await sender.find("send-title").fill("Maintenance")
    await sender.find("send-text").fill("<img src=x onerror='document.title=1'>")
    await sender.find("send-now").click()
    await expect(sender.find("notifications")).to_contain_text("Sent.")
    await expect(receiver.find("toast")).to_contain_text("<img src=x")
    await receiver.find("toast").get_by_role("button").first.click()
    await expect(receiver.find("notification")).to_contain_text("to all")
    await expect(receiver.find("notification").locator("img")).to_have_count(0)


async def test_one_person_tells_another(visits: Visits) -> None:
    sender, receiver, third = await here(visits), await here(visits), await here(visits)
    await sender.find("bell").click()
    await sender.find("send-notification").click()
    await sender.find("send-to").select_option("other")
    await sender.find("send-to-id").fill(await receiver.user())
    await sender.find("send-title").fill("Only you")
    await sender.find("send-now").click()
    await expect(receiver.find("toast")).to_contain_text("Only you")
    for other in (sender, third):
        await expect(other.find("unread")).to_have_count(0)
    await sender.find("send-to-id").fill("not an id")
    await sender.find("send-title").fill("To whom?")
    await sender.find("send-now").click()
    await expect(sender.find("notifications")).to_contain_text("A user is 1 to 64")


async def test_what_comes_while_the_network_is_away_comes_with_it(visits: Visits) -> None:
    visitor = await here(visits, over_proxy=True)
    visits.network_goes()
    await tell(visits, await visitor.user(), "While away")
    await visits.network_returns(visitor)
    await expect(visitor.find("toast")).to_contain_text("While away")
    await expect(visitor.find("unread")).to_have_text("1")


async def test_on_a_phone_the_panel_fits(visits: Visits) -> None:
    visitor = await here(visits, **PHONE)
    for number in range(12):
        await tell(visits, await visitor.user(), f"Number {number} " + "x" * 60)
    await visitor.find("bell").click()
    await visitor.find("send-notification").click()
    await expect(visitor.find("send-now")).to_be_in_viewport()
    shown = await visitor.find("notifications").bounding_box()
    assert shown and shown["x"] >= 0
    assert shown["y"] + shown["height"] <= PHONE["viewport"]["height"]
    assert await visitor.overflow() == 0
