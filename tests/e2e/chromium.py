"""The system's Chromium: a real browser, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.rebound.test 127.0.0.1",
]


@asynccontextmanager
async def launch() -> AsyncIterator[Browser]:
    """Started with a fresh profile, and closed."""
    command = shutil.which("chromium")
    assert command, "Chromium is missing; make test installs it"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=command, args=OPTIONS)
        try:
            yield browser
        finally:
            await browser.close()
