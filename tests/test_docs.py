"""What can be set, asked or met is written down, and what is written down is still true."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from scripts import reference
from tidewire import cli, errors
from tidewire.answers.events import AnswerEvent
from tidewire.dialects import DIALECTS
from tidewire.models.registry import APIS
from tidewire.server.settings import Settings, load_settings

ROOT = Path(__file__).parents[1]
DOCS = "\n".join(path.read_text() for path in sorted((ROOT / "docs").rglob("*.md")))
SOURCES = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))


@pytest.mark.parametrize("name", reference.pages())
def test_the_reference_is_as_the_code_says(name: str) -> None:
    """`make docs` writes it anew."""
    assert (reference.FOLDER / name).read_text() == reference.pages()[name]


def settings() -> list[str]:
    return [
        f"{table}.{name}" if table else name
        for table, model in {"": Settings, **_tables()}.items()
        for name in model.model_fields
        if table or name not in _tables()
    ]


def _tables() -> dict[str, Any]:
    return {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if hasattr(field.annotation, "model_fields")
    }


def commands() -> list[str]:
    group: Any = typer.main.get_command(cli.app)
    return [
        option
        for command in group.commands.values()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    ]


def codes() -> set[str]:
    """Every code that an error or a run.failed may carry."""
    written = re.findall(r'RunFailed\(\s*"(\w+)"', SOURCES)
    raised = [
        getattr(errors, name).code
        for name in errors.__all__
        if hasattr(getattr(errors, name), "code")
    ]
    return {*written, *raised} - {errors.TidewireError.code}


def events() -> list[str]:
    known = AnswerEvent.__subclasses__()
    return [event.type for event in known if event.__module__ == AnswerEvent.__module__]


@pytest.mark.parametrize(
    "name", [*settings(), *sorted(codes()), *events(), *DIALECTS, *APIS, *commands()]
)
def test_it_is_documented(name: str) -> None:
    assert re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", DOCS)


def test_what_is_looked_for_is_there() -> None:
    assert {"log.synchronous", "port"} <= set(settings())
    assert {"interrupted", "upstream_timeout", "limit_exceeded"} <= codes()
    assert {"text.delta", "run.failed"} <= set(events())
    assert {"--host", "--from"} <= set(commands())


def test_what_the_docs_configure_can_be_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    (file,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "tidewire.toml").write_text(file)
    by_file = load_settings(tmp_path / "tidewire.toml")
    (exports,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    monkeypatch.setenv("TIDEWIRE_AUTH__SECRET", by_file.auth.secret.get_secret_value())
    for word in shlex.split(exports):
        if word != "export":
            monkeypatch.setenv(*word.split("=", 1))
    assert load_settings() == by_file.model_copy(update={"channels": []})


def test_places_that_the_docs_point_at_exist() -> None:
    for page in _pages():
        for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
            path, _, anchor = target.partition("#")
            place = page.parent / path if path else page
            assert place.exists(), f"{page} points at {target}"
            assert not anchor or anchor in _anchors(place), f"{page} points at {target}"


def _pages() -> list[Path]:
    folders = ["docs", "spec", "bench", "deploy"]
    within = [page for folder in folders for page in (ROOT / folder).rglob("*.md")]
    return [*ROOT.glob("*.md"), *within, *ROOT.glob("js/*/README.md")]


def _anchors(page: Path) -> set[str]:
    """Of its headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}


def test_files_that_the_architecture_names_exist() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    files = [f"/{path.relative_to(ROOT)}" for path in ROOT.glob("[bs]*/**/*.py")]  # bench, src
    for name in re.findall(r"[\w/]+\.py\b", page):
        assert any(file.endswith(f"/{name}") for file in files), name
