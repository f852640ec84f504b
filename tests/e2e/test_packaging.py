"""What people install: a wheel, an sdist and an npm package that have all inside.

Built as pip builds them, with the build tools at hand instead of fresh ones, so that
nothing is downloaded.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tidewire import __version__

ROOT = Path(__file__).parents[2]
NEEDED = {
    "tidewire/py.typed",
    "tidewire/server/console/index.html",
    "tidewire/server/console/licenses.md",  # of what is built into it
    "tidewire/log/sqlite_schema_1.sql",
    "tidewire/models/demo_en.toml",
}


def build_wheel(source: Path, folder: Path) -> set[str]:
    """The names in the wheel that pip makes of this source."""
    command = [sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps"]
    options = ["--no-build-isolation", "--wheel-dir", folder, source]
    subprocess.run([*command, *options], check=True)
    (wheel,) = folder.glob("tidewire-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wheel.stem.endswith("-none-any") == (not any(name.endswith(".so") for name in names))
    return names


@pytest.fixture
def sdist(tmp_path: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "sdist"]
    subprocess.run([*command, "--directory", tmp_path], cwd=ROOT, check=True)
    (archive,) = tmp_path.glob("tidewire-*.tar.gz")
    return archive


def test_all_that_is_installed_has_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    package = json.loads((ROOT / "js" / "client" / "package.json").read_text())
    assert project["version"] == package["version"] == __version__


def test_a_wheel_of_the_checkout_has_the_console_inside(tmp_path: Path) -> None:
    names = build_wheel(ROOT, tmp_path)
    assert names >= NEEDED
    assert any(name.startswith("tidewire/server/console/assets/") for name in names)
    assert all(name.startswith(("tidewire/", "tidewire-")) for name in names)
    assert f"tidewire/live/_sockets{sysconfig.get_config_var('EXT_SUFFIX')}" in names
    assert not any(name.endswith(".c") for name in names)


def test_an_sdist_is_enough_where_there_is_no_node_and_no_compiler(
    sdist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(sdist) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    assert files >= {"LICENSE", "hatch_build.py", "js/package-lock.json"}
    assert not any("node_modules" in name or name.startswith(".venv") for name in files)
    assert not any(name.endswith(".so") for name in files)
    monkeypatch.setenv("PATH", "")
    names = build_wheel(sdist, tmp_path)
    assert names >= NEEDED
    assert not any(name.endswith(".so") for name in names)


USER = """
import { ask, openStream, type AnswerMessage } from "tidewire";
export async function whole(url: string): Promise<AnswerMessage> {
  for await (const { id } of openStream(url, { credentials: "include" })) id.length;
  const answer = ask(url, { message: "Hello" });
  await answer.closed;
  return answer.message;
}
console.log(typeof whole);
"""
COMPILERS = {
    "a bundler": ["--module", "esnext", "--moduleResolution", "bundler"],
    "Node, without a DOM": ["--module", "node16", "--types", "node", "--lib", "es2022"],
}


@pytest.fixture(scope="module")
def npm_user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has installed what ``npm pack`` makes of the sources alone."""
    folder = tmp_path_factory.mktemp("npm")
    unbuilt = shutil.ignore_patterns("dist", "node_modules", "test", "examples")
    shutil.copytree(ROOT / "js" / "client", folder / "client", ignore=unbuilt)
    shutil.copy(ROOT / "js" / "tsconfig.base.json", folder)
    (folder / "node_modules").symlink_to(ROOT / "js" / "node_modules")
    subprocess.run(["npm", "pack", "--silent"], cwd=folder / "client", check=True)
    installed = folder / "user" / "node_modules"
    installed.mkdir(parents=True)
    shutil.unpack_archive(next(folder.glob("client/*.tgz")), installed)
    (installed / "package").rename(installed / "tidewire")
    (installed / "@types").symlink_to(ROOT / "js" / "node_modules" / "@types")
    (folder / "user" / "package.json").write_text('{"type": "module"}')
    (folder / "user" / "main.ts").write_text(USER)
    return folder / "user"


def test_the_npm_package_has_its_modules_and_its_licence(npm_user: Path) -> None:
    package = npm_user / "node_modules" / "tidewire"
    names = {path.name for path in package.iterdir()}
    assert names == {"dist", "LICENSE", "README.md", "package.json"}
    assert (package / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    modules = {path.stem for path in (ROOT / "js" / "client" / "src").iterdir()}
    assert {path.name for path in (package / "dist").iterdir()} == {
        f"{module}.{kind}" for module in modules for kind in ("js", "d.ts")
    }


@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_npm_package_is_typed_for(compiler: str, npm_user: Path) -> None:
    strict = ["--strict", "--exactOptionalPropertyTypes", "--skipDefaultLibCheck"]
    tsc = ROOT / "js" / "node_modules" / ".bin" / "tsc"
    subprocess.run([tsc, *strict, *COMPILERS[compiler], "main.ts"], cwd=npm_user, check=True)
    printed = subprocess.run(["node", "main.js"], cwd=npm_user, capture_output=True, check=True)
    assert printed.stdout == b"function\n"
