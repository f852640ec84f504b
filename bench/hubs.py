"""The servers that bench/fanout measures: how each is configured and started.

Its rule: every peer does what its own documentation shows, in one process on one core, with
request logging and pings off, so that what it spends is spent on deliveries.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from nginx import nginx, nginx_module, nginx_version
from peers import TIDEWIRE
from process import SOURCE, compiled, fail, say, work_folder

__all__ = ["HUBS", "Hub"]

Argv = list[object]


@dataclass(frozen=True)
class Hub:
    """A server to measure.

    `launch` writes what the server needs into a folder: (folder, its port). `subscribe` and
    `publish` are the paths of GET and POST. `deliveries_per_second` is how much one core of
    it carries with time to spare.
    """

    title: str
    version: Callable[[], str]
    launch: Callable[[Path, int], Argv]
    subscribe: str = "/events"
    publish: str = "/events"
    deliveries_per_second: int = 50_000


def send_loop(folder: Path, port: int) -> Argv:
    return [compiled("send_loop.c"), port]


def compiler_version() -> str:
    done = subprocess.run(["cc", "-dumpfullversion"], capture_output=True, text=True, check=True)
    return f"cc {done.stdout.strip()}"


def tidewire(folder: Path, port: int) -> Argv:
    return [TIDEWIRE, "serve", "--port", port, "--data", folder / "data"]


NCHAN_HTTP = """\
    nchan_shared_memory_size 256M;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location /subscribe {{
            nchan_subscriber eventsource;
            nchan_channel_id bench;
            nchan_subscriber_first_message newest;
        }}
        location /publish {{
            nchan_publisher;
            nchan_channel_id bench;
            nchan_message_buffer_length 100;
        }}
    }}
"""


def nchan(folder: Path, port: int) -> Argv:
    module = nginx_module("nchan", "libnginx-mod-nchan")
    return nginx(folder, NCHAN_HTTP.format(port=port), module)


def better_sse_folder() -> Path:
    """Where better-sse lies, fetched on first use: it is no dependency of ours."""
    folder = work_folder() / "better-sse"
    if not (folder / "node_modules" / "better-sse").exists():
        say("installing better-sse into .bench/better-sse (once) …")
        folder.mkdir(exist_ok=True)
        npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "better-sse"]
        subprocess.run(npm, cwd=folder, check=True)
    return folder


def better_sse(folder: Path, port: int) -> Argv:
    node = shutil.which("node")
    if node is None:
        raise fail("no node: install it, or leave better-sse out with --peers")
    modules = better_sse_folder() / "node_modules"
    (folder / "node_modules").symlink_to(modules)
    return [node, SOURCE / "hub_better_sse.mjs", port]


def better_sse_version() -> str:
    manifest = better_sse_folder() / "node_modules" / "better-sse" / "package.json"
    return str(json.loads(manifest.read_text())["version"])


def sse_starlette(folder: Path, port: int) -> Argv:
    return [
        *(sys.executable, "-m", "uvicorn", "hub_sse_starlette:app", "--app-dir", SOURCE),
        *("--port", port, "--backlog", 4096, "--log-level", "warning", "--no-access-log"),
    ]


CHANNEL = "/api/channels/bench"
HUBS = {
    "loop": Hub("bare send loop in C", compiler_version, send_loop),
    "tidewire": Hub(
        "tidewire serve, SQLite", lambda: version("tidewire"), tidewire, CHANNEL, CHANNEL
    ),
    "nchan": Hub("Nchan in nginx", nginx_version, nchan, "/subscribe", "/publish"),
    "better-sse": Hub(
        "better-sse on Node", better_sse_version, better_sse, deliveries_per_second=25_000
    ),
    "sse-starlette": Hub(
        "sse-starlette",
        lambda: version("sse-starlette"),
        sse_starlette,
        deliveries_per_second=15_000,
    ),
}
