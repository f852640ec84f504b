"""One person's conversation in two tabs of one browser."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.console_visits import Visitor, Visits

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def ask(tab: Visitor, question: str, model: str) -> None:
    await tab.find("model-picker").select_option(model)
    await tab.find("composer").fill(question)
    await tab.find("send").click()


async def test_what_is_asked_in_one_is_answered_in_both_and_kept(visits: Visits) -> None:
    here = await visits.person("chat")
    await ask(here, "one", "demo")
    answers = here.find("message-assistant")
    await expect(answers).to_have_attribute("data-status", "finished")
    there = await visits.another_tab(here, here.page.url.split("#/")[1])
    await ask(here, "two", "slow")
    mirrored = there.find("message-assistant")
    await expect(mirrored.last).to_have_attribute("data-status", "streaming")
    await there.find("stop").click()
    for last in (answers.last, mirrored.last):
        await expect(last).to_have_attribute("data-status", "stopped")
    await ask(there, "three", "demo")
    for tab in (here, there):
        await expect(tab.find("message-user")).to_have_text(["one", "two", "three"])
    for last in (answers.last, mirrored.last):
        await expect(last).to_have_attribute("data-status", "finished")
    await here.page.reload()
    await expect(here.find("message-user")).to_have_text(["one", "two", "three"])
