"""The servers that bench/relay measures: how each is configured, started and asked.

Its rule: every peer relays the same model's answers as its own documentation says, one
process on one core, with logging of requests off wherever it can be turned off.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from process import SOURCE, fail, say, work_folder

__all__ = ["PEERS", "Launch", "Peer"]

LITELLM_KEY = "sk-bench-0123456789abcdef0123456789abcdef"
MESSAGE = "Tell me how a token travels from a model to a screen."
OPENAI_BODY = {"model": "bench", "stream": True, "messages": [{"role": "user", "content": MESSAGE}]}


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


NGINX_CONFIG = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
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
}}
"""


def nginx_program() -> str:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise fail("no nginx: install it (Debian: apt-get install nginx-light)")
    return program


def nginx_version() -> str:
    done = subprocess.run([nginx_program(), "-v"], capture_output=True, text=True, check=True)
    return done.stderr.strip().partition("/")[2]


def nginx(folder: Path, port: int, model_port: int) -> Launch:
    config = folder / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(folder=folder, port=port, model_port=model_port))
    argv: list[object] = [nginx_program(), "-e", "stderr", "-p", folder, "-c", config]
    return Launch(argv, "/v1/chat/completions", OPENAI_BODY)


TIDEWIRE_CONFIG = """\
[limits]
enabled = false

[models.bench]
api = "openai"
base_url = "http://127.0.0.1:{model_port}/v1"
api_key = "none"
"""


def tidewire(folder: Path, port: int, model_port: int) -> Launch:
    config = folder / "tidewire.toml"
    config.write_text(TIDEWIRE_CONFIG.format(model_port=model_port))
    program = Path(sys.executable).parent / "tidewire"
    argv = [program, "serve", "--port", port, "--config", config, "--data", folder / "data"]
    return Launch(argv, "/api/chat", {"message": MESSAGE, "model": "bench"})


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
    "nginx": Peer("nginx, proxy_buffering off", None, nginx_version, nginx),
    "tidewire": Peer("tidewire serve, SQLite", None, lambda: version("tidewire"), tidewire),
    "plain": Peer("httpx + sse-starlette", 40, plain_version, plain),
    "litellm": Peer("LiteLLM proxy", 8, litellm_version, litellm),
}
