"""Settings: which source wins, and that every mistake is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from tidewire.errors import ConfigError
from tidewire.server.settings import Settings, load_settings


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "tidewire.toml"


def test_every_source_overrides_the_one_before(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings().port == 8400
    config.write_text("port = 1001")
    assert load_settings(config).port == 1001
    monkeypatch.setenv("TIDEWIRE_PORT", "1002")
    assert load_settings(config).port == 1002
    assert load_settings(config, port=1003).port == 1003
    assert load_settings(config, port=None).port == 1002


def test_a_variable_overrides_one_setting_of_a_table_and_leaves_the_others(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text("[log]\nsynchronous = 'full'\nkeep_seconds = 60.0")
    monkeypatch.setenv("TIDEWIRE_LOG__KEEP_SECONDS", "90")
    log = load_settings(config).log
    assert (log.synchronous, log.keep_seconds) == ("full", 90.0)


def test_the_log_is_in_the_data_directory_unless_it_has_a_url(tmp_path: Path) -> None:
    assert load_settings(data=tmp_path).log_url == f"sqlite:///{tmp_path}/log.db"
    assert Settings(log={"url": "memory://"}).log_url == "memory://"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("data = 5", "data must be a path."),
        ("port = 'high'", "port must be a whole number."),
        ("port = 70000", "port must be at most 65535."),
        ("prot = 1", "prot: there is no such setting. Did you mean 'port'?"),
        ("[model.m]\napi = 'demo'", "there is no such setting. Did you mean 'models'?"),
        ("[log]\nsyncronous = 1", "there is no such setting. Did you mean 'synchronous'?"),
        ("[[channels]]\npatern = 1", "channels.0.patern: there is no such setting. Did you mean"),
        ("[channels]\npattern = '*'", "channels must be a list."),
        ("[cors]\ncredentials = 'x'", "cors.credentials must be true or false."),
        ("models = 1", "models must be a table."),
        ("xyz = 1", "xyz: there is no such setting."),
        ("[log]\nsynchronous = 'off'", "log.synchronous must be 'normal' or 'full'."),
        ("port = 1\nhost = x", "is not valid TOML: Invalid value (at line 2, column 8)."),
        ("host = '0.0.0.0'", "Listening on 0.0.0.0 would let anybody in. Set auth.secret"),
        ("default_model = 'gpt'", "default_model 'gpt' is not in [models]"),
        ("[cors]\norigins = ['*']\ncredentials = true", "'*' is not allowed"),
        ("allowed_hosts = ['*.example.com']", "allowed_hosts: '*.example.com' is no name, which"),
        ("allowed_hosts = ['http://tide']", "allowed_hosts: 'http://tide' is no name, which"),
        ("[cors]\norigins = ['app.example.com']", "cors.origins: 'app.example.com' is not what"),
        ("[cors]\norigins = ['https://example.com/']", "'https://example.com/' is not what"),
        ("[cors]\norigins = ['https://*.example.com']", "'https://*.example.com' is not what"),
    ],
)
def test_a_mistake_is_named(config: Path, text: str, said: str) -> None:
    config.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_settings(config)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("TIDEWIRE_PORT", r"port \(TIDEWIRE_PORT\) must be a whole number\."),
        (
            "TIDEWIRE_LOG__KEEP_SECONDS",
            r"log.keep_seconds \(TIDEWIRE_LOG__KEEP_SECONDS\) must be a",
        ),
        ("TIDEWIRE_LOG", "TIDEWIRE_LOG is for a whole table or list, and must be JSON"),
        ("TIDEWIRE_CORS__ORIGINS", "TIDEWIRE_CORS__ORIGINS is for a whole table or list"),
    ],
)
def test_a_mistake_in_a_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.setenv(name, "tcp://10.0.0.1:80")
    with pytest.raises(ConfigError, match=said):
        load_settings()


def test_a_file_may_begin_with_the_mark_of_utf_8_and_have_lines_of_windows(config: Path) -> None:
    config.write_bytes(b"\xef\xbb\xbfport = 1\r\n[limits]\r\nmax_runs = 2\r\n")
    settings = load_settings(config)
    assert (settings.port, settings.limits.max_runs) == (1, 2)


def test_a_file_that_is_not_utf_8_is_named(config: Path) -> None:
    config.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"tidewire.toml is not UTF-8\."):
        load_settings(config)


def test_a_file_that_is_not_there_is_named(config: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        load_settings(config)


def test_the_secret_is_never_part_of_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWIRE_AUTH__SECRET", "sesame")
    settings = load_settings(host="0.0.0.0")
    assert settings.auth.secret.get_secret_value() == "sesame"
    assert "sesame" not in repr(settings)


def test_a_secret_is_without_the_line_end_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEWIRE_AUTH__SECRET", "sesame\n")
    assert load_settings(host="0.0.0.0").auth.secret.get_secret_value() == "sesame"
    monkeypatch.setenv("TIDEWIRE_AUTH__SECRET", " \n")
    with pytest.raises(ConfigError, match="would let anybody in"):
        load_settings(host="0.0.0.0")


@pytest.mark.parametrize("origin", ["*", "null", "http://localhost:5173", "tauri://localhost"])
def test_an_origin_is_as_browsers_send_it(config: Path, origin: str) -> None:
    config.write_text(f"[cors]\norigins = ['{origin}']")
    assert load_settings(config).cors.origins == [origin]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_loopback_needs_no_secret(host: str) -> None:
    assert load_settings(host=host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "127.0.0.1.example.com"])
def test_any_other_address_needs_one(host: str) -> None:
    with pytest.raises(ConfigError, match="auth.secret"):
        load_settings(host=host)


def _fields(model: type[BaseModel], place: str = "") -> Iterator[tuple[str, str | None]]:
    for name, field in model.model_fields.items():
        table = field.annotation
        if isinstance(table, type) and issubclass(table, BaseModel):
            assert table.__doc__, f"the table {name} is not described"
            yield from _fields(table, f"{name}.")
        else:
            yield place + name, field.description


def test_every_setting_is_described() -> None:
    fields = dict(_fields(Settings))
    assert "log.synchronous" in fields
    assert [name for name, text in fields.items() if not text] == []
