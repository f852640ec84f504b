"""An agent of @ag-ui/client asks our server, which asks a model."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.tidewire_process import TidewireProcess
from tests.interop import typescript
from tests.interop.waiting_model import WaitingModel

CONFIG = """
[models.gpt]
api = "openai"
base_url = "{url}"
"""


async def test_an_agent_is_answered_on_its_thread(tmp_path: Path) -> None:
    async with WaitingModel() as model:
        server = TidewireProcess(tmp_path, CONFIG.format(url=model.url))
        try:
            await server.start()
            printed = await typescript.run("ag_ui.ts", tmp_path, f"{server.url}/api/ag-ui")
        finally:
            await server.stop()
    assert printed["error"] is None
    assert (printed["types"][0], printed["types"][-1]) == ("RUN_STARTED", "RUN_FINISHED")
    assert [message["content"] for message in printed["messages"]] == ["Sunny and 🌊."]
    assert printed["finished"]["threadId"] == "thread_1"
    assert model.body["messages"] == [{"role": "user", "content": "How is the weather?"}]
