"""Builds the one part of Tidewire that is written in C, where there is a C compiler.

Used by ``make setup`` and by the build hook. Without a compiler or Python's headers
nothing is lost but a tenth of the speed of sending to many (live/sockets.py), so that is
said, and is no failure.
"""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent.parent
SOURCE = "src/tidewire/live/_sockets.c"
BUILT = (ROOT / SOURCE).with_suffix(sysconfig.get_config_var("EXT_SUFFIX"))
"""Beside its source, for this Python alone."""


def build() -> None:
    """Makes BUILT, unless it is there and newer than its source."""
    os.chdir(ROOT)
    if BUILT.exists() and BUILT.stat().st_mtime >= Path(SOURCE).stat().st_mtime:
        return
    BUILT.unlink(missing_ok=True)  # better none than an old one, if it cannot be made anew
    with TemporaryDirectory() as folder:
        _compile(folder)
    if not BUILT.exists():
        print("Without a C compiler and Python's headers, sending to many takes a tenth more CPU.")


def _compile(folder: str) -> None:
    extension = Extension("tidewire.live._sockets", [SOURCE], optional=True)
    command = build_ext(
        Distribution({"name": "tidewire", "ext_modules": [extension], "package_dir": {"": "src"}})
    )
    command.inplace = True
    command.build_temp = command.build_lib = folder
    command.ensure_finalized()
    command.run()


if __name__ == "__main__":
    build()
