"""Builds the web console into the Python package, which serves and ships it.

Used by ``make setup`` and by the build hook. It builds when the sources in ``js/``
differ from those of the last build, told by a digest and not by file times, which mean
nothing after a clone. Never installs Node: who calls sees to that.
Standard library only, as it runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
JS = ROOT / "js"
DIST = JS / "console" / "dist"
TARGET = ROOT / "src" / "tidewire" / "server" / "console"
DIGEST = DIST / ".sources.sha256"  # written last; Vite removes it when it builds

MINIMUM_NODE = (20, 19)  # what Vite asks for
_MADE_BY_TOOLS = {"node_modules", "dist", "coverage", "test-results"}


def is_fresh() -> bool:
    """Whether the package holds a console built from the sources as they are."""
    built = DIGEST.is_file() and (TARGET / "index.html").is_file()
    return built and DIGEST.read_text() == source_digest()


def build() -> None:
    """Builds console and client. Raises SystemExit when Node is missing or a step fails."""
    if node() is None:
        minimum = ".".join(map(str, MINIMUM_NODE))
        sys.exit(f"Building the console needs Node {minimum} or newer on the PATH.")
    digest = source_digest()
    install()
    print("Building the web console …", flush=True)
    _npm("run", "build")
    shutil.rmtree(TARGET, ignore_errors=True)
    shutil.copytree(DIST, TARGET)
    DIGEST.write_text(digest)


def install() -> None:
    """Installs the npm packages of ``js/``, exactly as locked, if they are not there yet."""
    lock = hashlib.sha256((JS / "package-lock.json").read_bytes()).hexdigest()
    stamp = JS / "node_modules" / ".lock.sha256"
    if stamp.is_file() and stamp.read_text() == lock:
        return
    print("Installing the JavaScript packages (about a minute the first time) …", flush=True)
    _npm("ci", "--no-audit", "--no-fund", "--loglevel=error")
    stamp.write_text(lock)


def node() -> str | None:
    """The Node on the PATH, if it is new enough and has npm beside it."""
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        return None
    version = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
    release = tuple(map(int, re.findall(r"\d+", version)[:2]))
    return found if release >= MINIMUM_NODE else None


def source_digest() -> str:
    """A digest of every file in ``js/`` that a person wrote: names and contents."""
    digest = hashlib.sha256()
    for path in sorted(_sources(JS)):
        digest.update(f"{path.relative_to(JS)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if entry.is_file():
            yield Path(entry.path)
        elif entry.is_dir() and entry.name not in _MADE_BY_TOOLS:
            yield from _sources(Path(entry.path))


def _npm(*arguments: str) -> None:
    command = [shutil.which("npm") or "npm", *arguments]
    if subprocess.run(command, cwd=JS, stdin=subprocess.DEVNULL).returncode:
        sys.exit(f"`npm {' '.join(arguments)}` failed in js/; its message is above.")


if __name__ == "__main__":
    if "--has-node" in sys.argv:
        sys.exit(node() is None)
    elif is_fresh():
        install()  # the checks and tests of js/ need the packages, too
    else:
        build()
