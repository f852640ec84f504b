"""The servers that bench/relay measures: how each is configured, started and asked.

Its rule: every peer relays the same model's answers as its own documentation says, one
process on one core, with logging of requests off wherever it can be turned off.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from nginx import nginx, nginx_version
from process import SOURCE, say, work_folder

__all__ = ["DIALECTS", "PEERS", "SERVERS", "TIDEWIRE", "Launch", "Peer"]

TIDEWIRE = Path(sys.executable).parent / "tidewire"
LITELLM_KEY = "sk-bench-0123456789abcdef0123456789abcdef"
MESSAGE = "Tell me how a token travels from a model to a screen."
ANY_NUMBER = "#" * 16
"""Where stream_load.c writes a number that no other request has."""

NATIVE_BODY = {"model": "bench", "message": MESSAGE}
OPENAI_BODY = {"model": "bench", "stream": True, "messages": [{"role": "user", "content": MESSAGE}]}
AI_SDK_BODY = {
    "model": "bench",
    "id": ANY_NUMBER,
    "trigger": "submit-message",
    "messages": [{"id": "1", "role": "user", "parts": [{"type": "text", "text": MESSAGE}]}],
}
"""A chat of its own for every answer, as the native endpoint gives it a session of its own."""


@dataclass(frozen=True)
class Launch:
    """How to start a server, and the request that makes it relay one answer."""

    argv: list[object]
    path: str
    body: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    def request(self) -> bytes:
        body = json.dumps(self.body).encode()
        headers = {
            "Host": "127.0.0.1",
            "Content-Type": "application/json",
            "Accept": "text/event-stream",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **self.headers,
        }
        lines = [f"POST {self.path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(frozen=True)
class Peer:
    """A server to measure.

    `streams` is how many answers at once, 100 chunks a second each, one core of it carries
    with room to spare; None means as many as the bench asks for. `launch` writes what the
    server needs into a folder: (folder, its port, the model's port).
    """

    title: str
    streams: int | None
    version: Callable[[], str]
    launch: Callable[[Path, int, int], Launch]


NGINX_HTTP = """\
    upstream model {{ server 127.0.0.1:{model_port}; keepalive 256; }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{
            proxy_pass http://model;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
"""


def proxy(folder: Path, port: int, model_port: int) -> Launch:
    http = NGINX_HTTP.format(port=port, model_port=model_port)
    return Launch(nginx(folder, http), "/v1/chat/completions", OPENAI_BODY)


TIDEWIRE_CONFIG = """\
[limits]
enabled = false

[models.bench]
api = "openai"
base_url = "http://127.0.0.1:{model_port}/v1"
api_key = "none"
"""


def tidewire(path: str, body: Mapping[str, object]) -> Callable[[Path, int, int], Launch]:
    """Tidewire, asked as the front ends of one dialect ask."""

    def launch(folder: Path, port: int, model_port: int) -> Launch:
        config, data = folder / "tidewire.toml", folder / "data"
        config.write_text(TIDEWIRE_CONFIG.format(model_port=model_port))
        argv = [TIDEWIRE, "serve", "--port", port, "--config", config, "--data", data]
        return Launch(argv, path, body)

    return launch


def tidewire_version() -> str:
    return version("tidewire")


def plain(folder: Path, port: int, model_port: int) -> Launch:
    argv: list[object] = [
        *(sys.executable, "-m", "uvicorn", "plain_relay:app", "--app-dir", SOURCE),
        *("--port", port, "--log-level", "warning", "--no-access-log"),
    ]
    env = {"MODEL_URL": f"http://127.0.0.1:{model_port}/v1/chat/completions"}
    return Launch(argv, "/chat", OPENAI_BODY, env=env)


def plain_version() -> str:
    return " + ".join(version(part) for part in ("httpx", "sse-starlette"))


def litellm_environment() -> Path:
    """LiteLLM's own environment, made on first use: its dependencies are not ours."""
    folder = work_folder() / "litellm"
    if not (folder / "bin" / "litellm").exists():
        say("installing litellm[proxy] into .bench/litellm (once, about a minute) …")
        venv.create(folder, with_pip=True)
        python = str(folder / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "litellm[proxy]"], check=True)
    return folder


def litellm_version() -> str:
    ask = "from importlib.metadata import version; print(version('litellm'))"
    python = litellm_environment() / "bin" / "python"
    return subprocess.check_output([python, "-c", ask], text=True).strip()


def litellm(folder: Path, port: int, model_port: int) -> Launch:
    upstream = {
        "model": "openai/gpt-4o",
        "api_base": f"http://127.0.0.1:{model_port}/v1",
        "api_key": "none",
    }
    config = folder / "litellm.yaml"
    config.write_text(  # JSON is YAML
        json.dumps(
            {
                "model_list": [{"model_name": "bench", "litellm_params": upstream}],
                "general_settings": {"master_key": LITELLM_KEY},
            }
        )
    )
    argv: list[object] = [
        *(litellm_environment() / "bin" / "litellm", "--config", config),
        *("--host", "127.0.0.1", "--port", port, "--num_workers", "1"),
    ]
    return Launch(
        argv,
        "/v1/chat/completions",
        OPENAI_BODY,
        headers={"Authorization": f"Bearer {LITELLM_KEY}"},
        env={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"},
    )


PEERS = {
    "nginx": Peer("nginx, proxy_buffering off", None, nginx_version, proxy),
    "tidewire": Peer(
        "tidewire serve, SQLite", None, tidewire_version, tidewire("/api/chat", NATIVE_BODY)
    ),
    "plain": Peer("httpx + sse-starlette", 40, plain_version, plain),
    "litellm": Peer("LiteLLM proxy", 8, litellm_version, litellm),
    "openai": Peer(
        "tidewire, dialect openai",
        100,
        tidewire_version,
        tidewire("/v1/chat/completions", OPENAI_BODY),
    ),
    "ai-sdk": Peer(
        "tidewire, dialect ai-sdk",
        100,
        tidewire_version,
        tidewire("/api/ai-sdk/chat", AI_SDK_BODY),
    ),
}
SERVERS = ["nginx", "tidewire", "plain", "litellm"]
DIALECTS = ["tidewire", "openai", "ai-sdk"]
"""``tidewire`` speaks the native one."""
