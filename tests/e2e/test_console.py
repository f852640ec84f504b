"""The console in a real browser, as people use it: they ask, watch, stop, reload, go offline."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.e2e.cutting_proxy import CuttingProxy
from tests.e2e.tidewire_process import TidewireProcess
from tests.faults.fake_upstream import (
    DONE,
    FINISH,
    Behaviour,
    Exchange,
    FakeUpstream,
    chunk,
    said,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONFIG = """
default_model = "demo"
[models.demo]
api = "demo"
first_token_seconds = 0.05
tokens_per_second = 120
[models.quick]
api = "demo"
first_token_seconds = 0
tokens_per_second = 0
[models.scripted]
api = "openai"
base_url = "{url}"
"""
PHONE = {"width": 390, "height": 844}
BEGINNING = [f"Paragraph {number} of the beginning.\n\n" for number in range(30)]
REST = [f"Paragraph {number} of the rest.\n\n" for number in range(30)]


class Halfway:
    """A model that says the beginning, and the rest when it may go on."""

    def __init__(self) -> None:
        self.may_go_on = False

    async def __call__(self, exchange: Exchange) -> None:
        await exchange.start()
        for piece in said(*BEGINNING):
            await exchange.send(piece)
        while not (self.may_go_on or exchange.gone.is_set()):
            await asyncio.sleep(0.01)
        for piece in (*said(*REST), FINISH, DONE):
            await exchange.send(piece)
        await exchange.end()


class Console:
    """The console in a browser of its own, over a network that can be cut."""

    def __init__(self, page: Page, proxy: CuttingProxy, upstream: FakeUpstream) -> None:
        self.page = page
        self.proxy = proxy
        self.upstream = upstream
        self.complaints: list[str] = []
        """Errors in the browser's console: violations of the policy, too."""
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def find(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    @property
    def answer(self) -> Locator:
        """The latest answer."""
        return self.find("message-assistant").last

    async def open(self) -> None:
        await self.page.goto(self.proxy.url)
        await expect(self.find("model-picker")).to_be_visible()

    async def ask(self, question: str, *, model: str = "demo") -> None:
        await self.find("model-picker").select_option(model)
        await self.find("composer").fill(question)
        await self.find("send").click()

    async def wait_for(self, status: str) -> None:
        await expect(self.answer).to_have_attribute("data-status", status)

    async def wait_for_connection(self, state: str) -> None:
        await expect(self.find("connection")).to_have_attribute("data-state", state)

    async def copied(self) -> str:
        """What the answer's copy button puts on the clipboard: its whole text."""
        await self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await self.answer.get_by_test_id("copy").last.click()
        text: str = await self.page.evaluate("navigator.clipboard.readText()")
        return text

    async def wait_for_text(self, length: int) -> None:
        """Until so much of the answer can be read."""
        await self.page.wait_for_function(
            """(length) => [...document.querySelectorAll("[data-testid=message-assistant]")]
                 .at(-1)?.innerText.length >= length""",
            arg=length,
        )

    async def run(self) -> str:
        """The run of the latest answer, as the browser has stored it."""
        stored = await self.page.evaluate("JSON.stringify({...localStorage})")
        runs = [part.split('\\"')[0] for part in stored.split("run_")[1:]]
        return "run_" + runs[-1]

    async def said(self, run: str) -> str:
        """The answer's text, as the server holds it."""
        async with httpx.AsyncClient() as client:
            stream = await client.get(f"{self.proxy.url}/api/streams/{run}?dialect=chunk")
        lines = [line[6:] for line in stream.text.splitlines() if line.startswith("data: ")]
        return "".join(json.loads(line).get("content", "") for line in lines)


OpenConsole = Callable[..., Any]


class House(NamedTuple):
    """A scripted model, a server that knows it, and the network before the server."""

    upstream: FakeUpstream
    proxy: CuttingProxy


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One for all tests of this file: each opens a browser of its own."""
    async with FakeUpstream(Halfway()) as upstream:
        config = CONFIG.format(url=upstream.url)
        server = TidewireProcess(tmp_path_factory.mktemp("console"), config)
        try:
            await server.start()
            async with CuttingProxy(server.port) as proxy:
                yield House(upstream, proxy)
        finally:
            await server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def open_console(house: House, browser: Browser) -> AsyncIterator[OpenConsole]:
    """``await open_console(behave, …)``: the console; nothing may have gone wrong in it."""
    opened: list[Console] = []

    async def start(behave: Behaviour | None = None, **options: Any) -> Console:
        house.upstream.behave = behave or Halfway()
        house.upstream.exchanges.clear()
        context = await browser.new_context(locale="en-GB", **options)
        console = Console(await context.new_page(), house.proxy, house.upstream)
        opened.append(console)
        await console.open()
        return console

    try:
        yield start
    finally:
        house.proxy.is_down = False
        for console in opened:
            await console.page.context.close()
    for console in opened:
        assert console.complaints == []


async def test_an_answer_grows_before_the_eyes_and_is_rendered(open_console: OpenConsole) -> None:
    console = await open_console()
    await console.page.evaluate(
        """() => {
          window.lengths = new Set();
          new MutationObserver(() => {
            const answer = document.querySelector("[data-testid=message-assistant]");
            if (answer) window.lengths.add(answer.innerText.length);
          }).observe(document.body, { childList: true, subtree: true, characterData: true });
        }"""
    )
    await console.ask("Why? Show code, a table, a card and the weather")
    await console.wait_for("finished")
    await console.wait_for_connection("ended")
    lengths = await console.page.evaluate("window.lengths.size")
    assert lengths > 50
    answer = console.answer
    await expect(answer.locator("figure.code pre")).to_be_visible()
    await expect(answer.locator("table tbody tr").first).to_be_visible()
    await expect(answer.locator(".card")).to_be_visible()
    await expect(answer.locator(".tool")).to_contain_text("done")
    await expect(answer.locator(".reasoning button")).to_have_attribute("aria-expanded", "false")
    await answer.locator(".reasoning button").click()
    await expect(answer.locator(".thought")).to_be_visible()
    await expect(answer).to_contain_text("demo model")
    await expect(console.find("message-user")).to_contain_text("Why? Show code")


async def test_stopping_keeps_what_has_arrived(open_console: OpenConsole) -> None:
    console = await open_console(Halfway())
    await console.ask("hello", model="scripted")
    await console.wait_for_text(200)
    await console.find("stop").click()
    await console.wait_for("stopped")
    await console.wait_for_connection("stopped")
    await expect(console.answer).to_contain_text("Stopped. What had arrived is kept.")
    assert await console.said(await console.run()) == "".join(BEGINNING)
    await expect(console.answer).to_contain_text(BEGINNING[-1].strip())
    await expect(console.find("send")).to_be_visible()


async def test_a_reload_in_the_middle_goes_on_to_the_same_end(open_console: OpenConsole) -> None:
    model = Halfway()
    console = await open_console(model)
    await console.ask("hello", model="scripted")
    await console.wait_for_text(300)
    before = await console.run()
    await console.page.reload()
    await console.wait_for_text(300)
    model.may_go_on = True
    await console.wait_for("finished")
    run = await console.run()
    assert run == before
    assert await console.copied() == await console.said(run) == "".join(BEGINNING + REST)


async def test_a_lost_connection_is_told_and_mended(open_console: OpenConsole) -> None:
    model = Halfway()
    console = await open_console(model)
    await console.ask("hello", model="scripted")
    await console.wait_for_text(200)
    console.proxy.is_down = True
    console.proxy.cut_all()
    await console.wait_for_connection("reconnecting")
    await expect(console.find("connection")).to_contain_text("Connection lost")
    model.may_go_on = True
    console.proxy.is_down = False
    await console.wait_for("finished")
    assert await console.copied() == "".join(BEGINNING + REST)


async def test_being_offline_is_told_and_the_answer_comes_afterwards(
    open_console: OpenConsole,
) -> None:
    model = Halfway()
    console = await open_console(model)
    await console.ask("hello", model="scripted")
    await console.wait_for_text(200)
    await console.page.context.set_offline(True)
    console.proxy.cut_all()
    await console.wait_for_connection("offline")
    await expect(console.find("connection")).to_contain_text("You are offline")
    model.may_go_on = True
    await console.page.context.set_offline(False)
    await console.wait_for("finished")


async def test_a_failure_is_shown_and_can_be_retried(open_console: OpenConsole) -> None:
    async def behave(exchange: Exchange) -> None:
        if len(console.upstream.exchanges) == 1:
            await exchange.reply(401, b'{"error": {"message": "Wrong key sk-123456789"}}')
        else:
            await exchange.stream(*said("Now", " it works"), chunk(finish="stop"))

    console = await open_console(behave)
    await console.ask("hello", model="scripted")
    await expect(console.find("error")).to_be_visible()
    await console.wait_for_connection("failed")
    assert await console.find("error").get_attribute("data-code") == "upstream_unauthorized"
    await console.find("retry").click()
    await console.wait_for("finished")
    await expect(console.answer).to_contain_text("Now it works")
    await expect(console.find("error")).to_have_count(0)


async def test_a_model_that_breaks_off_leaves_what_it_said(open_console: OpenConsole) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.start()
        for piece in said("Half", " an answer"):
            await exchange.send(piece)
        exchange.abort()

    console = await open_console(behave)
    await console.ask("hello", model="scripted")
    await console.wait_for("failed")
    await expect(console.answer).to_contain_text("Half an answer")
    assert await console.find("error").get_attribute("data-code") == "upstream_broken"


async def test_what_a_person_or_a_model_writes_cannot_run(open_console: OpenConsole) -> None:
    attacks = (
        "<img src=x onerror='document.title=1'>\n\n",
        "<script>document.title=2</script>\n\n",
        "[link](javascript:document.title=3)\n\n",
        "<svg/onload=document.title=4>\n\n",
        "<a href='javascript:document.title=5'>a</a>\n\n",
        "<iframe srcdoc='<script>parent.document.title=6</script>'></iframe>\n\n",
        "<form action='javascript:document.title=7'><button>b</button></form>\n\n",
        "```<img src=x onerror=document.title=8>\ncode\n```\n\n",
        "| <img src=x onerror=document.title=9> |\n|---|\n| a |\n\n",
        "![x](https://evil.example.com/pixel.png)\n\n",
        "<b>bold</b> end",
    )

    async def behave(exchange: Exchange) -> None:
        await exchange.stream(*said(*attacks), chunk(finish="stop"))

    console = await open_console(behave)
    foreign: list[str] = []
    console.page.on("request", lambda asked: foreign.append(asked.url))
    title = await console.page.title()
    await console.ask("<img src=x onerror='document.title=0'><script>1</script>", model="scripted")
    await console.wait_for("finished")
    await expect(console.answer).to_contain_text("end")
    await expect(console.find("message-user")).to_contain_text("<img src=x onerror=")
    for link in await console.answer.locator("a").all():
        assert not ((await link.get_attribute("href")) or "").startswith("javascript:")
    for tag in ("script", "iframe", "form", "[onerror]", "[onload]"):
        await expect(console.answer.locator(tag)).to_have_count(0)
    await expect(console.find("message-user").locator("img")).to_have_count(0)
    assert await console.page.title() == title
    # Chromium reports handlers in the sanitiser's inert document, where none can run.
    assert all("inline event handler" in said for said in console.complaints)
    console.complaints.clear()
    assert [url for url in foreign if "evil" in url] == []


async def test_a_page_in_an_answer_is_shown_and_runs_apart(open_console: OpenConsole) -> None:
    page = (
        "```html\n<!doctype html><p id=out>static</p><script>"
        "let inside; try { inside = parent.document.title } catch { inside = 'apart' }"
        "document.getElementById('out').textContent = inside + ' ' + origin</script>\n```\n"
    )

    async def behave(exchange: Exchange) -> None:
        await exchange.stream(*said(page), chunk(finish="stop"))

    console = await open_console(behave)
    await console.ask("a page", model="scripted")
    await console.wait_for("finished")
    await console.find("preview").click()
    shown = console.page.frame_locator("iframe").locator("#out")
    await expect(shown).to_have_text("apart null")


async def test_the_api_is_described_by_the_server_itself(open_console: OpenConsole) -> None:
    console = await open_console()
    await console.page.goto(f"{console.proxy.url}/docs")
    await expect(console.page.locator("main")).to_contain_text("/api/streams/{id}")


async def test_on_a_phone_nothing_is_wider_than_the_screen(open_console: OpenConsole) -> None:
    console = await open_console(viewport=PHONE, is_mobile=True, has_touch=True)
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await console.page.evaluate(overflow) == 0
    await console.ask("Show code, a table, a card, the weather and " + "x" * 120, model="quick")
    await console.wait_for("finished")
    assert await console.page.evaluate(overflow) == 0
    shown = await console.answer.bounding_box()
    assert shown and shown["x"] >= 0
    assert shown["x"] + shown["width"] <= PHONE["width"]


async def test_a_chinese_question_gets_a_chinese_answer(open_console: OpenConsole) -> None:
    console = await open_console()
    await console.ask("用一段代码和一个表格介绍流式输出", model="quick")
    await console.wait_for("finished")
    await expect(console.answer).to_contain_text("演示")
    await expect(console.answer.locator("figure.code")).to_be_visible()


async def test_each_paragraph_runs_the_way_of_its_language(open_console: OpenConsole) -> None:
    async def behave(exchange: Exchange) -> None:
        await exchange.stream(*said("From the left.\n\nمن اليمين.\n"), chunk(finish="stop"))

    console = await open_console(behave)
    await console.ask("Both ways", model="scripted")
    await console.wait_for("finished")
    gaps = await console.answer.locator("p").evaluate_all(
        """(paragraphs) => paragraphs.map((paragraph) => {
             const text = document.createRange();
             text.selectNodeContents(paragraph);
             const [inner, outer] = [text, paragraph].map((one) => one.getBoundingClientRect());
             return [inner.left - outer.left, outer.right - inner.right];
           })"""
    )
    assert [gap.index(min(gap)) for gap in gaps] == [0, 1]


async def test_conversations_are_kept_apart_and_can_be_opened_again(
    open_console: OpenConsole,
) -> None:
    console = await open_console()
    await console.ask("First question", model="quick")
    await console.wait_for("finished")
    await console.find("new-session").click()
    await expect(console.find("message-user")).to_have_count(0)
    await console.ask("Second question", model="quick")
    await console.wait_for("finished")
    await expect(console.find("session-item")).to_have_count(2)
    await console.find("session-item").filter(has_text="First").locator("a, button").first.click()
    await expect(console.find("message-user")).to_contain_text("First question")
    await expect(console.find("message-user")).to_have_count(1)


async def test_who_reads_further_up_is_left_there(open_console: OpenConsole) -> None:
    model = Halfway()
    console = await open_console(model, viewport={"width": 900, "height": 400})
    await console.ask("hello", model="scripted")
    await expect(console.answer).to_contain_text(BEGINNING[-1].strip())
    await console.page.mouse.move(500, 150)
    await console.page.mouse.wheel(0, -2000)
    await expect(console.find("jump-latest")).to_be_visible()
    top = await console.page.evaluate("document.querySelector('.view').scrollTop")
    model.may_go_on = True
    await console.wait_for("finished")
    await expect(console.answer).to_contain_text(REST[-1].strip())
    assert await console.page.evaluate("document.querySelector('.view').scrollTop") == top
    await console.find("jump-latest").click()
    await expect(console.find("jump-latest")).to_have_count(0)
