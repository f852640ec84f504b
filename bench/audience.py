"""A server with its audience: viewers that check every event, and the costs of serving them.

Its rule: no figure without proof that the work was done. An event that one viewer misses,
sees twice or out of order fails the bench.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hubs import Hub
from process import Program, compiled, fail, free_port, running
from waves import Wave

__all__ = ["Audience", "audience"]

EVENT_BYTES = 100
SETTLE_SECONDS = 1.0
"""Pause before memory is read, and before the first event: what follows an opening is over."""

REST_SECONDS = 0.2
"""Pause after a wave, so that a server's cleaning up is counted as its own work."""

BROWSER = """\
Host: 127.0.0.1
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
Chrome/140.0.0.0 Safari/537.36
Accept: text/event-stream
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-US,en;q=0.9
Cache-Control: no-cache
Referer: http://127.0.0.1/
Sec-Fetch-Dest: empty
Sec-Fetch-Mode: cors
Sec-Fetch-Site: same-origin
"""
"""What a browser's EventSource sends; a server that keeps it pays for it."""


class Audience:
    """The viewers of one server, and the server. ``audience`` is how to get one."""

    def __init__(
        self, title: str, port: int, server: Program, viewers: subprocess.Popen[str]
    ) -> None:
        self.port = port
        self.server = server
        self._title = title
        self._viewers = viewers

    def open(self, count: int) -> float:
        """So many viewers more; gives the seconds until all had their head."""
        return self._order(f"open {count}")["wall_seconds"]

    def close(self) -> None:
        """Every viewer leaves."""
        self._order("close")

    def wave(self, events: int, interval_ms: float, event_bytes: int = EVENT_BYTES) -> Wave:
        """Publishes at that pace; every viewer gets every event."""
        began = self.server.cpu_seconds()
        seen = self._order(f"publish {events} {interval_ms * 1000:.0f} {event_bytes}")
        time.sleep(REST_SECONDS)
        used = self.server.cpu_seconds() - began
        return Wave(
            server_us=used / seen["deliveries"] * 1e6,
            load_us=seen["cpu_seconds"] / seen["deliveries"] * 1e6,
            core_busy=used / seen["wall_seconds"],
            delay_p50_ms=seen["delay_p50_ms"],
            delay_p99_ms=seen["delay_p99_ms"],
        )

    def reads_of_batch(self, events: int) -> float:
        """How many pieces the events of one publish arrive in, per viewer."""
        seen = self._order(f"batch {events} {EVENT_BYTES}")
        return seen["reads"] * events / seen["deliveries"]

    def memory_bytes(self) -> int:
        """The server's resident memory, once it has come to rest."""
        time.sleep(SETTLE_SECONDS)
        return self.server.resident_bytes()

    def _order(self, line: str) -> dict[str, float]:
        assert self._viewers.stdin and self._viewers.stdout
        self._viewers.stdin.write(line + "\n")
        self._viewers.stdin.flush()
        answer = self._viewers.stdout.readline()
        figures: dict[str, float] = json.loads(answer) if answer else {"errors": 1}
        if figures.get("errors"):
            words = self.server.last_words()
            raise fail(f"{self._title}: {figures['errors']:.0f} viewers wrong at '{line}'\n{words}")
        return figures


@contextmanager
def audience(hub: Hub, folder: Path, server_core: int, load_core: int) -> Iterator[Audience]:
    """The hub, started, without viewers yet."""
    folder.mkdir()
    port = free_port()
    argv = hub.launch(folder, port)
    subscribe, publish = folder / "subscribe", folder / "publish"
    subscribe.write_bytes(_head("GET", hub.subscribe, BROWSER) + b"\r\n")
    publish.write_bytes(_head("POST", hub.publish, "Host: 127.0.0.1\n"))
    with running(argv, name="server", core=server_core, folder=folder) as server:
        server.wait_for_port(port)
        program = [compiled("audience.c"), port, subscribe, publish]
        with subprocess.Popen(
            ["taskset", "-c", str(load_core), *map(str, program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as viewers:
            yield Audience(hub.title, port, server, viewers)


def _head(method: str, path: str, fields: str) -> bytes:
    return f"{method} {path} HTTP/1.1\n{fields}".replace("\n", "\r\n").encode()
