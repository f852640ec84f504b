"""The typewriter in the console: an answer character by character, and what carries it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.console_visits import PHONE, Visitor, Visits

pytestmark = pytest.mark.asyncio(loop_scope="session")


LONG = "Tell the long journey of a token"


class Answer:
    """An answer that a visitor has asked for."""

    def __init__(self, visitor: Visitor, run: str) -> None:
        self.visitor = visitor
        self.run = run

    async def wait_for(self, state: str) -> None:
        shown = self.visitor.find("typewriter-state")
        await expect(shown).to_have_attribute("data-state", state)

    async def wait_for_text(self, length: int) -> None:
        await self.visitor.page.wait_for_function(
            "(length) => document.querySelector('[data-testid=typewriter-text]')"
            ".textContent.length > length",
            arg=length,
        )

    async def is_whole(self, visits: Visits) -> None:
        """All that the server holds of it is shown, and the progress says so."""
        stream = await visits.api.get(f"/api/streams/{self.run}?dialect=chunk")
        data = [line[6:] for line in stream.text.splitlines() if line.startswith("data: ")]
        text = "".join(json.loads(one).get("content", "") for one in data)
        shown = self.visitor.find("typewriter-text")
        await expect(shown).to_have_text(text.strip())
        await expect(self.visitor.find("typewriter-progress")).to_contain_text(str(len(text)))


async def ask(visits: Visits, question: str, *, model: str = "demo", **options: Any) -> Answer:
    visitor = await visits.person("typewriter", **options)
    await visitor.find("typewriter").get_by_test_id("model-picker").select_option(model)
    await visitor.find("typewriter-question").fill(question)
    async with visitor.page.expect_response(lambda response: "/api/chat" in response.url) as asked:
        await visitor.find("typewriter-start").click()
    run = await (await asked.value).header_value("x-run-id")
    assert run
    return Answer(visitor, run)


async def test_an_answer_is_typed_to_its_end_beside_its_events(visits: Visits) -> None:
    answer = await ask(visits, "你好 😀")
    await answer.wait_for("typing")
    await expect(answer.visitor.page.locator(".cursor")).to_be_visible()
    await answer.wait_for("ended")
    await answer.is_whole(visits)
    await expect(answer.visitor.page.locator(".cursor")).to_have_count(0)
    raw = answer.visitor.find("raw-events")
    await expect(raw.locator("pre").last).to_contain_text('data: {"type":"end","total":')
    await expect(raw.locator("pre").nth(-2)).to_contain_text('"type":"chunk"')


async def test_stopping_keeps_what_was_typed(visits: Visits) -> None:
    answer = await ask(visits, LONG, model="slow")
    await answer.wait_for_text(100)
    await answer.visitor.find("typewriter-stop").click()
    await answer.wait_for("stopped")
    await answer.is_whole(visits)
    await expect(answer.visitor.find("typewriter-start")).to_be_visible()


async def test_a_cut_in_the_middle_loses_and_doubles_no_character(visits: Visits) -> None:
    answer = await ask(visits, LONG, over_proxy=True)
    for length in (50, 300, 600):
        await answer.wait_for_text(length)
        visits.proxy.cut_all()
    await answer.wait_for("ended")
    await answer.is_whole(visits)


async def test_leaving_the_view_leaves_the_stream(visits: Visits) -> None:
    answer = await ask(visits, LONG, model="slow")
    await answer.wait_for_text(50)
    page = answer.visitor.page
    async with page.expect_event("requestfailed", lambda one: "/api/chat" in one.url):
        await answer.visitor.find("view-chat").click()
    await expect(answer.visitor.find("typewriter")).to_have_count(0)
    await expect(answer.visitor.find("composer")).to_be_visible()


async def test_it_fits_a_phone(visits: Visits) -> None:
    answer = await ask(visits, "code " + "x" * 200, **PHONE)
    await answer.wait_for("ended")
    assert await answer.visitor.overflow() == 0
