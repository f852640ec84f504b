"""nginx, as other servers stand on it: one worker, everything it writes in a folder of its own.

It knows no bench: what nginx serves is the caller's to say, in nginx's own words.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from process import fail

__all__ = ["nginx", "nginx_module", "nginx_version"]

CONFIG = """\
{modules}
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 16000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
}}
"""
MODULES = ("/usr/lib/nginx/modules", "/usr/share/nginx/modules", "/usr/lib64/nginx/modules")


def nginx(folder: Path, http: str, *modules: Path) -> list[object]:
    """How to start nginx with `http` in its configuration's block of that name."""
    load = "\n".join(f"load_module {module};" for module in modules)
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, http=http, modules=load))
    return [nginx_program(), "-e", "stderr", "-p", folder, "-c", config]


def nginx_program() -> str:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise fail("no nginx: install it (Debian: apt-get install nginx-light)")
    return program


def nginx_module(name: str, package: str) -> Path:
    """Where the module is that Debian has in `package`."""
    found = (Path(folder) / f"ngx_{name}_module.so" for folder in MODULES)
    module = next((path for path in found if path.exists()), None)
    if module is None:
        raise fail(f"nginx has no module {name}: install it (Debian: apt-get install {package})")
    return module


def nginx_version() -> str:
    done = subprocess.run([nginx_program(), "-v"], capture_output=True, text=True, check=True)
    return done.stderr.strip().partition("/")[2]
