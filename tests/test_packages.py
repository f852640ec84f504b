"""What the check of imports sees: packages. A folder that is none would be free to import all."""

from __future__ import annotations

from pathlib import Path

import tidewire


def test_every_folder_with_code_is_a_package() -> None:
    folders = {file.parent for file in Path(tidewire.__file__).parent.rglob("*.py")}
    assert [folder.name for folder in folders if not (folder / "__init__.py").exists()] == []
