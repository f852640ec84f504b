"""The ways between the console's views: each is found again as it was left."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.console_visits import PHONE, Visits, visit, visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_each_view_is_found_again_as_it_was_left(visits: Visits) -> None:
    ada = await visits.person("chat", "Ada")
    await ada.find("composer").fill("Show code")
    await ada.find("composer").press("Enter")
    await ada.find("composer").fill("a draft")
    await ada.find("view-rooms").click()
    await ada.find("room-name").fill("harbour")
    await ada.find("room-name").press("Enter")
    await expect(ada.find("room")).to_be_visible()
    await ada.find("view-chat").click()
    await expect(ada.find("composer")).to_have_value("a draft")
    await expect(ada.find("message-user")).to_be_visible()
    await expect(ada.find("message-assistant")).to_have_attribute("data-status", "finished")
    await ada.find("view-rooms").click()
    await expect(ada.find("room").locator("h1")).to_contain_text("harbour")
    await ada.page.go_back()
    await expect(ada.find("composer")).to_be_visible()


async def test_an_address_can_be_opened_and_an_unknown_one_is_the_chat(visits: Visits) -> None:
    ada = await visits.person("monitor")
    await expect(ada.find("monitor")).to_be_visible()
    await ada.go("nowhere")
    await expect(ada.find("composer")).to_be_visible()


async def test_the_drawer_takes_the_focus_and_gives_it_back(visits: Visits) -> None:
    ada = await visits.person("chat", **PHONE)
    await ada.find("composer").fill("Show code")
    await ada.find("send").tap()
    await ada.find("menu").press("Enter")
    await expect(ada.page.locator(".drawer")).to_be_focused()
    await ada.page.keyboard.press("Tab")
    await expect(ada.find("new-session")).to_be_focused()
    await ada.page.keyboard.press("Escape")
    await expect(ada.find("new-session")).to_be_hidden()
    await expect(ada.find("menu")).to_be_focused()


async def test_a_view_that_cannot_be_had_says_so(visits: Visits) -> None:
    ada = await visits.person("chat", "Ada")
    await ada.page.route("**/RoomsView-*.js", lambda route: route.abort())
    await ada.find("view-rooms").click()
    await expect(ada.find("error")).to_be_visible()
    await ada.page.unroute_all()
    await ada.find("retry").click()
    await expect(ada.find("rooms")).to_be_visible()
    complaint = visits.complaints.pop()
    assert "RoomsView" in complaint


async def test_the_title_names_the_view(visits: Visits) -> None:
    ada = await visits.person("monitor")
    await expect(ada.page).to_have_title("Monitor · Tidewire")
    await ada.find("view-rooms").click()
    await expect(ada.page).to_have_title("Rooms · Tidewire")


async def test_in_the_other_language_and_by_night_everything_is_there(visits: Visits) -> None:
    ada = await visits.person("rooms", "Ada", color_scheme="dark", **PHONE)
    await ada.find("language").click()
    for view, words in (("rooms", "加入"), ("monitor", "此服务器"), ("typewriter", "打字机")):
        await ada.find(f"view-{view}").click()
        await expect(ada.find(view)).to_contain_text(words)
        assert await ada.overflow() == 0


async def test_a_server_with_a_secret_is_unlocked_from_any_view(
    browser: Browser, tmp_path: Path
) -> None:
    secret = "a-secret-of-more-than-32-characters"
    config = f'[auth]\nsecret = "{secret}"\n'
    async with visiting(browser, tmp_path, config) as locked, visit(locked):
        ada = await locked.person("rooms/harbour", "Ada")
        form = ada.page.locator("[data-testid=secret]:visible")
        await form.locator("input").fill("wrong")
        await form.locator("input").press("Enter")
        await form.locator("input").fill(secret)
        await form.locator("input").press("Enter")
        await ada.wait_for_connection("room", "open")
        await expect(form).to_have_count(0)
        await ada.find("room-composer").fill("Let in")
        await ada.find("room-composer").press("Enter")
        await expect(ada.find("room-message")).to_contain_text("Let in")
        await ada.find("view-chat").click()
        await expect(ada.find("model-picker")).to_be_visible()
