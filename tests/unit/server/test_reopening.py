"""An app that ends and begins again in one process, as it does from test to test."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tidewire.errors import ConfigError
from tidewire.server.tide import Tidewire, open_log


async def _hello() -> AsyncGenerator[str, None]:
    yield "Hello"


@pytest.mark.parametrize("url", ["memory://", "sqlite:///{}/log.sqlite"])
async def test_what_was_drained_and_closed_may_be_opened_again(url: str, tmp_path: Path) -> None:
    tide = Tidewire(url.format(tmp_path))
    for _ in range(2):
        async with tide.lifespan():
            started = await tide.start(_hello())
            await tide.begin_drain()
            assert (await tide.log.info(started.id)).closed


async def test_an_app_that_lacks_the_lifespan_is_told_so(tmp_path: Path) -> None:
    tide = Tidewire(f"sqlite:///{tmp_path}/log.sqlite")
    with pytest.raises(ConfigError, match=r"FastAPI\(lifespan=tide\.lifespan\)"):
        await tide.start(_hello())
    async with tide.lifespan():
        await tide.start(_hello())
    with pytest.raises(ConfigError, match="is not open"):
        await tide.start(_hello())


@pytest.mark.parametrize("name", ["c#.db", "what?.db", "100%41.db", "two words.db"])
async def test_a_log_is_kept_in_the_very_file_that_is_named(tmp_path: Path, name: str) -> None:
    log = open_log(f"sqlite:///{tmp_path / name}")
    await log.open()
    await log.close()
    assert (tmp_path / name).is_file()


@pytest.mark.parametrize("url", ["sqlite://tide.db", "sqlite:///", "tide.db", "redis:///tide", ""])
def test_a_log_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="is neither memory:// nor sqlite:///path/to/file"):
        open_log(url)
