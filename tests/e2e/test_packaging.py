"""What people install: a wheel and an sdist that have the console and all else inside.

Built as pip builds them, with the build tools at hand instead of fresh ones, so that
nothing is downloaded.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = {
    "tidewire/py.typed",
    "tidewire/server/console/index.html",
    "tidewire/log/sqlite_schema_1.sql",
    "tidewire/models/demo_en.toml",
}


def build_wheel(source: Path, folder: Path) -> set[str]:
    """The names in the wheel that pip makes of this source."""
    command = [sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps"]
    options = ["--no-build-isolation", "--wheel-dir", folder, source]
    subprocess.run([*command, *options], check=True)
    (wheel,) = folder.glob("tidewire-*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture
def sdist(tmp_path: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "sdist"]
    subprocess.run([*command, "--directory", tmp_path], cwd=ROOT, check=True)
    (archive,) = tmp_path.glob("tidewire-*.tar.gz")
    return archive


def test_a_wheel_of_the_checkout_has_the_console_inside(tmp_path: Path) -> None:
    names = build_wheel(ROOT, tmp_path)
    assert names >= NEEDED
    assert any(name.startswith("tidewire/server/console/assets/") for name in names)
    assert all(name.startswith(("tidewire/", "tidewire-")) for name in names)


def test_an_sdist_is_enough_where_there_is_no_node(
    sdist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(sdist) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    assert files >= {"LICENSE", "hatch_build.py", "js/package-lock.json"}
    assert not any("node_modules" in name or name.startswith(".venv") for name in files)
    monkeypatch.setenv("PATH", "")
    assert build_wheel(sdist, tmp_path) >= NEEDED
