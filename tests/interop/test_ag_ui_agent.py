"""An agent of @ag-ui/client asks our server, which asks a model."""

from __future__ import annotations

from pathlib import Path

from tests.interop import typescript
from tests.interop.waiting_model import serving


async def test_an_agent_is_answered_on_its_thread(tmp_path: Path) -> None:
    async with serving(tmp_path) as (model, url):
        printed = await typescript.run("ag_ui.ts", tmp_path, f"{url}/api/ag-ui")
    assert printed["error"] is None
    assert (printed["types"][0], printed["types"][-1]) == ("RUN_STARTED", "RUN_FINISHED")
    assert [message["content"] for message in printed["messages"]] == ["Sunny and 🌊."]
    assert printed["finished"]["threadId"] == "thread_1"
    assert model.body["messages"] == [{"role": "user", "content": "How is the weather?"}]
