"""A real nginx that runs deploy/nginx.conf, with only ports, paths and user put in place.

There is no second configuration for tests: what they show is true of the file people use.
A line to be replaced must be there, so the file and this module cannot drift apart.
"""

from __future__ import annotations

import asyncio
import getpass
import shutil
import socket
import ssl
from pathlib import Path
from typing import Self

import trustme

CONFIG = Path(__file__).parents[2] / "deploy" / "nginx.conf"
PATH = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Nginx:
    """One nginx on free ports of loopback, in front of the server on ``upstream_port``.

    ``changes`` replaces text of the configuration, to show what a line is good for.
    ``trust`` is the client's side of the certificate made for it.
    """

    def __init__(
        self, folder: Path, upstream_port: int, changes: dict[str, str] | None = None
    ) -> None:
        self.http_port, self.https_port = free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.https_port}"
        self.access_log = folder / "access.log"
        self.trust = ssl.create_default_context()
        self._folder = folder
        self._upstream_port = upstream_port
        self._changes = changes or {}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> Self:
        """Returns when it accepts connections."""
        self._make_certificate()
        config = self._folder / "nginx.conf"
        config.write_text(self._config())
        command = shutil.which("nginx", path=PATH)
        assert command, "nginx is missing; make test installs it"
        self._process = await asyncio.create_subprocess_exec(
            command, "-p", self._folder, "-c", config, "-g", "daemon off;",
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        await self._accepts_connections()
        return self

    async def stop(self) -> None:
        """Ends it and waits: its logs are complete then. May be called again."""
        if self._process and self._process.returncode is None:
            self._process.terminate()
            await self._process.communicate()

    def _config(self) -> str:
        text = CONFIG.read_text()
        for old, new in {**self._places(), **self._changes}.items():
            assert old in text, f"deploy/nginx.conf no longer says {old!r}"
            text = text.replace(old, new)
        return text

    def _places(self) -> dict[str, str]:
        folder = self._folder
        temporary = "".join(f"{name}_temp_path {folder}/{name};\n" for name in TEMPORARY)
        return {
            "user www-data;": f"user {getpass.getuser()};",
            "pid /run/": f"pid {folder}/",
            "worker_processes auto;": "worker_processes 1;",
            "worker_rlimit_nofile 65536;": "",  # raising it is for root
            "worker_connections 16384;": "worker_connections 512;",
            "/var/log/nginx/": f"{folder}/",
            "http {": f"http {{\n{temporary}",
            "127.0.0.1:8400": f"127.0.0.1:{self._upstream_port}",
            "listen 80 ": f"listen 127.0.0.1:{self.http_port} ",
            "listen 443 ssl http2 ": f"listen 127.0.0.1:{self.https_port} ssl http2 ",
            "/etc/ssl/tidewire/": f"{folder}/",
        }

    def _make_certificate(self) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_pem.write_to_path(self._folder / "privkey.pem")
        for blob in certificate.cert_chain_pems:
            blob.write_to_path(self._folder / "fullchain.pem", append=True)
        authority.configure_trust(self.trust)

    async def _accepts_connections(self) -> None:
        assert self._process and self._process.stderr
        while self._process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.https_port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)  # another process: there is nothing to wait for
            else:
                writer.close()
                await writer.wait_closed()
                return
        raise RuntimeError((await self._process.stderr.read()).decode())


def free_port() -> int:
    """A port of loopback that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
