"""Rooms in the console: people who write to each other, and what they see of each other."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.console_visits import PHONE, Visitor, Visits

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def say(visitor: Visitor, *texts: str) -> None:
    for text in texts:
        await visitor.find("room-composer").fill(text)
        await visitor.find("room-composer").press("Enter")
        await expect(visitor.find("room-message").filter(has_text=text)).to_have_count(1)


async def enter(visits: Visits, name: str, room: str, **options: Any) -> Visitor:
    visitor = await visits.person(f"rooms/{room}", name, **options)
    await visitor.wait_for_connection("room", "open")
    return visitor


async def test_a_name_is_asked_for_once_and_a_room_is_joined_by_its_own(visits: Visits) -> None:
    ada = await visits.person("rooms")
    await ada.find("name").fill("Ada")
    await ada.find("name").press("Enter")
    await ada.find("room-name").fill("two words")
    await expect(ada.find("room-join")).to_be_disabled()
    await ada.find("room-name").fill("港口")
    await ada.find("room-name").press("Enter")
    await say(ada, "Hello, harbour")
    await expect(ada.find("people")).to_contain_text("Ada")
    await ada.page.reload()
    await expect(ada.find("room-message")).to_contain_text("Hello, harbour")
    await expect(ada.find("name-form")).to_have_count(0)
    await expect(ada.find("room-item").filter(has_text="港口")).to_have_count(1)


async def test_what_one_says_the_others_read(visits: Visits) -> None:
    ada = await enter(visits, "Ada", "talk")
    bo = await enter(visits, "Bo", "talk")
    await expect(ada.find("person")).to_have_count(2)
    await bo.find("room-composer").press_sequentially("Hi")
    await expect(ada.find("room-typing")).to_have_text("Bo is typing")
    await say(bo, "Hi Ada")
    await expect(ada.find("room-typing")).to_have_text("")
    await say(ada, "Hi Bo")
    await expect(ada.find("room").locator("[data-own=true] p")).to_have_text("Hi Bo")
    for visitor in (ada, bo):
        said = visitor.find("room-message").locator("p")
        await expect(said).to_have_text(["Hi Ada", "Hi Bo"])
        await expect(visitor.find("room")).to_contain_text("Today")


async def test_a_person_with_two_tabs_is_there_once_until_both_are_closed(visits: Visits) -> None:
    ada = await enter(visits, "Ada", "tabs")
    bo = await enter(visits, "Bo", "tabs")
    second = await visits.another_tab(bo, "rooms/tabs")
    await second.wait_for_connection("room", "open")
    await expect(ada.find("person")).to_have_count(2)
    await bo.page.close()
    await say(second, "Still here")
    await expect(ada.find("person")).to_have_count(2)
    await second.page.close()
    await expect(ada.find("person")).to_have_count(1)


async def test_who_is_cut_off_is_told_and_misses_nothing(visits: Visits) -> None:
    ada = await enter(visits, "Ada", "cut", over_proxy=True)
    await say(ada, "before")
    visits.network_goes()
    await ada.wait_for_connection("room", "reconnecting")
    for text in ("one", "two"):
        await visits.api.post("/api/rooms/cut/messages?user=bo&name=Bo", json={"text": text})
    await ada.find("room-composer").fill("unsent")
    await ada.find("room-composer").press("Enter")
    await expect(ada.find("room-problem")).to_contain_text("Not sent")
    await expect(ada.find("room-composer")).to_have_value("unsent")
    await visits.network_returns(ada)
    await ada.wait_for_connection("room", "open")
    await ada.find("room-composer").press("Enter")
    said = ada.find("room-message").locator("p")
    await expect(said).to_have_text(["before", "one", "two", "unsent"])
    await expect(ada.find("room-problem")).to_have_count(0)


async def test_what_is_gone_is_spoken_of(visits: Visits) -> None:
    ada = await enter(visits, "Ada", "short", over_proxy=True)
    await say(ada, "before")
    visits.network_goes()
    await ada.wait_for_connection("room", "reconnecting")
    for number in range(8):
        said = {"text": f"message {number}."}
        await visits.api.post("/api/rooms/short/messages?user=bo&name=Bo", json=said)
    await visits.network_returns(ada)
    await expect(ada.find("room-reset")).to_be_visible(timeout=15_000)
    await say(ada, "after")


async def test_a_message_that_was_removed_loses_its_text(visits: Visits) -> None:
    ada = await enter(visits, "Ada", "removed")
    posted = await visits.api.post(
        "/api/rooms/removed/messages?user=bo&name=Bo", json={"text": "a secret"}
    )
    await expect(ada.find("room-message")).to_contain_text("a secret")
    await visits.api.delete(f"/api/rooms/removed/messages/{posted.json()['id']}?user=bo")
    await expect(ada.find("room-message")).to_contain_text("This message was deleted.")
    await ada.page.reload()
    await expect(ada.find("room-message")).to_contain_text("This message was deleted.")


async def test_who_said_something_takes_it_back_by_keyboard(visits: Visits) -> None:
    ada = await enter(visits, "Ada", "taken-back")
    bo = await enter(visits, "Bo", "taken-back")
    await say(ada, "a secret")
    await expect(bo.find("room-message")).to_contain_text("a secret")
    await expect(bo.find("room-remove")).to_have_count(0)
    await ada.find("room-remove").focus()
    await ada.page.keyboard.press("Enter")
    await expect(ada.page.get_by_role("alertdialog")).to_contain_text("for everybody?")
    await ada.page.keyboard.press("Shift+Tab")
    await ada.page.keyboard.press("Enter")
    for visitor in (ada, bo):
        announced = visitor.page.get_by_role("log")
        await expect(announced).to_contain_text("This message was deleted.")
        await expect(announced).not_to_contain_text("a secret")
    await expect(ada.find("room-message")).to_be_focused()


async def test_earlier_messages_are_shown_when_asked_for(visits: Visits) -> None:
    for number in range(60):
        await visits.api.post(
            f"/api/rooms/long/messages?user=u{number % 4}", json={"text": f"message {number}."}
        )
    ada = await enter(visits, "Ada", "long")
    await expect(ada.find("room-message")).to_have_count(50)
    await expect(ada.find("room-message").last).to_be_in_viewport()
    await ada.find("room-earlier").click()
    await expect(ada.find("room-message")).to_have_count(60)
    await expect(ada.find("room-message").first).to_contain_text("message 0.")
    await expect(ada.find("room-earlier")).to_have_count(0)


async def test_what_is_said_is_text_and_nothing_else(visits: Visits) -> None:
    ada = await enter(visits, "<b>Ada</b>", "text")
    title = await ada.page.title()
    attack = "<img src=x onerror='document.title=1'><script>document.title=2</script>"
    await say(ada, attack)
    bo = await enter(visits, "Bo", "text")
    message = bo.find("room-message")
    await expect(message).to_contain_text(attack)
    await expect(message).to_contain_text("<b>Ada</b>")
    await expect(message.locator("img, script, b")).to_have_count(0)
    assert await ada.page.title() == await bo.page.title() == title


async def test_on_a_phone_there_is_the_list_or_a_room(visits: Visits) -> None:
    ada = await enter(visits, "Ada", "phone", **PHONE)
    await say(ada, "x" * 200)
    await expect(ada.find("room-name")).to_be_hidden()
    await expect(ada.find("people-count")).to_contain_text("1 here")
    await expect(ada.find("people")).to_be_hidden()
    await ada.find("people-count").click()
    await expect(ada.find("people")).to_be_visible()
    assert await ada.overflow() == 0
    await ada.find("room-back").click()
    await expect(ada.find("room-name")).to_be_visible()
    await ada.find("room-item").filter(has_text="phone").click()
    await expect(ada.find("room-message")).to_have_count(1)
