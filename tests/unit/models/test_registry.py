"""Settings tables into models; every mistake is named."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tidewire.errors import ConfigError
from tidewire.models.demo import Demo
from tidewire.models.fallback import Fallback
from tidewire.models.openai import OpenAI
from tidewire.models.registry import APIS, build, build_all

DOCUMENT = (Path(__file__).parents[3] / "docs" / "models.md").read_text()


@pytest.mark.parametrize("api", APIS)
def test_builds_each_api(api: str) -> None:
    assert build("a", {"api": api}).name == "a"


def test_fallback_is_a_list_of_other_models() -> None:
    models = build_all({"a": {"api": "demo", "fallback": ["b"]}, "b": {"api": "demo"}})
    assert isinstance(models["a"], Fallback)
    assert models["a"].name == "a"
    assert isinstance(models["b"], Demo)


def test_tables_of_the_documentation_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda path, encoding: f"the secret of {path}")
    (block,) = re.findall(r"```toml\n(.+?)```", DOCUMENT, re.DOTALL)
    config = tomllib.loads(block)
    assert set(build_all(config["models"])) == {"careful", "quick", "here"}
    assert config["default_model"] in config["models"]


@pytest.mark.parametrize("heading", ["What becomes of a request", "What becomes of an answer"])
def test_the_documentation_tells_of_every_api(heading: str) -> None:
    columns = DOCUMENT.partition(f"## {heading}\n\n|")[2].partition("\n")[0]
    assert {name.strip() for name in columns.split("|")} - {""} == set(APIS) - {"demo"}


@pytest.mark.parametrize(
    ("fallback", "message"),
    [
        (["c"], "models.a.fallback: 'c' is no other model of [models]."),
        (["a"], "models.a.fallback: 'a' is no other model of [models]."),
        ("b", "models.a.fallback must be a list"),
        ([["b"]], "models.a.fallback must be a list"),
    ],
)
def test_mistakes_in_fallback_are_named(fallback: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_all({"a": {"api": "demo", "fallback": fallback}, "b": {"api": "demo"}})
    assert message in str(caught.value)


def test_builds_what_the_table_says() -> None:
    assert isinstance(build("a", {"api": "demo", "tokens_per_second": 0}), Demo)
    model = build("b", {"api": "openai", "base_url": "http://127.0.0.1:9100/v1", "model": "m"})
    assert isinstance(model, OpenAI)
    assert model.name == "b"


def test_numbers_may_be_texts_as_in_variables() -> None:
    table = {"api": "openai", "max_retries": "0", "trust_env": "true", "max_line_bytes": "9"}
    model = build("a", table)
    assert isinstance(model, OpenAI)
    settings = model.settings
    assert (settings.max_retries, settings.trust_env, settings.max_line_bytes) == (0, True, 9)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, f"models.x.api is missing; it must be one of: {', '.join(APIS)}."),
        ({"api": "opneai"}, "models.x.api is 'opneai'; it must be one of: openai, "),
        ({"api": ["openai"]}, "models.x.api is ['openai']; it must be one of: openai, "),
        ({"api": "openai", "max_queued": -1}, "models.x.max_queued must not be negative"),
        ({"api": "openai", "queue_timeout_seconds": 0}, "must be more than 0"),
        ({"api": "openai", "proxy": "socks5://a"}, "models.x.proxy must be an http or https URL"),
        ({"api": "openai", "proxy": "env:TIDEWIRE_NO_SUCH"}, "TIDEWIRE_NO_SUCH is not set"),
        ({"api": "openai", "api_kye": "k"}, "models.x.api_kye is not known; there are: base_url"),
        ({"api": "openai", "silence_timeout_seconds": "long"}, "silence_timeout_seconds"),
        ({"api": "openai", "silence_timeout_seconds": 0}, "must be more than 0"),
        ({"api": "openai", "silence_timeout_seconds": float("inf")}, "not infinite"),
        ({"api": "openai", "max_line_bytes": -1}, "models.x.max_line_bytes must not be negative"),
        ({"api": "demo", "tokens_per_second": float("nan")}, "tokens_per_second must not be"),
        ({"api": "openai", "base_url": "ftp://a"}, "models.x.base_url must be an http or https"),
        ({"api": "openai", "base_url": "http://[::1"}, "models.x.base_url must be"),
        ({"api": "openai", "base_url": "http://a:99999"}, "models.x.base_url must be"),
        ({"api": "openai", "base_url": "api.example.com"}, "models.x.base_url must be"),
        ({"api": "openai", "base_url": "http://a/v1?version=1"}, "URL, without a query"),
        ({"api": "openai", "base_url": "http://a..b/v1"}, "models.x.base_url must be"),
        ({"api": "openai", "base_url": "http://a b/v1"}, "models.x.base_url must be"),
        ({"api": "openai", "headers": {"A b": "c"}}, "headers: 'A b' is no name of a header"),
        ({"api": "openai", "api_key": "env:TIDEWIRE_NO_SUCH"}, "TIDEWIRE_NO_SUCH is not set"),
        ({"api": "openai", "api_key": "file:/no/such"}, "the file /no/such cannot be read"),
        ({"api": "openai", "api_key": "a\nb"}, "models.x.api_key must consist of printable"),
        ({"api": "openai", "headers": {"A": "é"}}, "models.x.headers.A must consist of"),
    ],
)
def test_mistakes_are_named(table: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build("x", table)
    assert message in str(caught.value)


@pytest.mark.parametrize("place", ["plain", "env", "file"])
def test_secret(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWIRE_TEST_KEY", "s3cret-key")
    (tmp_path / "key").write_text("s3cret-key\n")
    value = {
        "plain": "s3cret-key",
        "env": "env:TIDEWIRE_TEST_KEY",
        "file": f"file:{tmp_path / 'key'}",
    }[place]
    model = build("x", {"api": "openai", "api_key": value, "headers": {"api-key": value}})
    assert isinstance(model, OpenAI)
    assert model.settings.api_key == "s3cret-key"
    assert model.settings.headers == {"api-key": "s3cret-key"}
    assert "s3cret" not in repr(model.settings)
