"""Settings: a TOML file, overridden by ``TIDEWIRE_*`` variables, overridden by options.

A nested setting is a table in TOML and ``__`` in a variable's name: ``[log]
synchronous = "full"`` is ``TIDEWIRE_LOG__SYNCHRONOUS=full``. Unknown settings are
errors: a misspelt limit that silently does nothing is worse than no limit.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from tidewire.errors import ConfigError
from tidewire.server.hosts import is_loopback
from tidewire.server.missettings import explain, explain_unread

__all__ = ["Settings", "load_settings"]

_ORIGIN = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^A-Z/?#@*\s]+")
_HOST = re.compile(r"[^/?#@*\s]+")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LogSettings(_Table):
    """Where streams live."""

    url: str = Field(default="", description="memory:// or sqlite:///FILE; default: log.db in data")
    synchronous: Literal["normal", "full"] = Field(
        default="normal",
        description="SQLite: 'full' also survives a power cut, for a disk flush per commit",
    )
    keep_seconds: float = Field(
        default=7 * 86400.0, gt=0, description="how long an ended answer can be read again"
    )


class RunSettings(_Table):
    """What one answer may take."""

    max_seconds: float = Field(default=3600.0, gt=0, description="longest time of one answer")
    max_silence_seconds: float = Field(
        default=300.0,
        gt=0,
        description="longest pause; model APIs have their own limit",
    )
    max_bytes: int = Field(default=32 * 1024 * 1024, gt=0, description="largest answer")
    drain_seconds: float = Field(
        default=10.0,
        ge=0,
        description="on SIGTERM, how long answers may still go on",
    )


class LimitSettings(_Table):
    """What a request may take."""

    enabled: bool = Field(default=True, description="false switches the limits of this table off")
    max_body_bytes: int = Field(default=1024 * 1024, gt=0, description="largest request body")
    max_message_chars: int = Field(default=100_000, gt=0, description="longest question")
    max_runs: int = Field(default=1000, gt=0, description="most answers going on at a time")
    max_history_messages: int = Field(
        default=50, ge=0, description="most earlier messages of a session that the model sees"
    )


class ChannelSettings(_Table):
    """What holds for channels whose name matches; the first table that matches counts."""

    pattern: str = Field(default="*", description="a name with * and ?")
    max_events: int | None = Field(default=10_000, gt=0, description="how many are kept")
    max_bytes: int | None = Field(
        default=64 * 1024 * 1024, gt=0, description="how many bytes of data are kept"
    )
    max_age_seconds: float | None = Field(
        default=7 * 86400.0, gt=0, description="how long an event is kept"
    )
    max_event_bytes: int = Field(default=256 * 1024, gt=0, description="largest event")
    max_publishes_per_second: int = Field(
        default=1000, gt=0, description="calls a second, of all publishers together"
    )


class CorsSettings(_Table):
    """Which other web origins may call."""

    origins: list[str] = Field(default=[], description="'https://app.example.com'; '*' for any")
    credentials: bool = Field(
        default=False, description="allow cookies and Authorization; then '*' is not allowed"
    )


def _without_blanks(secret: Any) -> Any:
    """A file that a secret comes from ends in a line end, and no header can bear that."""
    return secret.strip() if isinstance(secret, str) else secret


class AuthSettings(_Table):
    """Who may call."""

    secret: Annotated[SecretStr, BeforeValidator(_without_blanks)] = Field(
        default=SecretStr(""),
        description="if set, every API call must carry it as a bearer token, or x-api-key; "
        "needed to listen on anything but loopback",
    )


class Settings(BaseSettings):
    """All settings of ``tidewire serve``."""

    model_config = SettingsConfigDict(
        env_prefix="TIDEWIRE_", env_nested_delimiter="__", extra="forbid"
    )

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8400, ge=0, le=65535, description="port to listen on; 0: a free one")
    allowed_hosts: list[str] = Field(
        default=[],
        description="names that pages may call a server without a secret by, beside localhost; "
        "'*' for any",
    )
    data: Path = Field(default=Path("data"), description="directory of the SQLite files")
    heartbeat_seconds: float = Field(
        default=15.0, gt=0, description="a comment is sent after so much silence"
    )
    max_connection_seconds: float | None = Field(
        default=None,
        gt=0,
        description="viewers connect anew after 80 to 100 % of this, losing nothing; none: never",
    )
    default_model: str = Field(
        default="", description="for questions that name none; else the first"
    )
    log: LogSettings = LogSettings()
    runs: RunSettings = RunSettings()
    limits: LimitSettings = LimitSettings()
    channels: list[ChannelSettings] = Field(
        default=[], description="tables [[channels]]: retention and limits by pattern"
    )
    cors: CorsSettings = CorsSettings()
    auth: AuthSettings = AuthSettings()
    models: dict[str, dict[str, Any]] = Field(
        default={},
        description="a table per model: api, base_url, api_key …; none: the demo",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables go before the file, which comes in as the initial values."""
        return env_settings, init_settings

    @property
    def log_url(self) -> str:
        return self.log.url or f"sqlite:///{self.data / 'log.db'}"

    def check(self) -> None:
        """What one field alone cannot say. Raises ConfigError."""
        if not self.auth.secret.get_secret_value() and not is_loopback(self.host):
            raise ConfigError(
                f"Listening on {self.host} would let anybody in. Set auth.secret "
                "(TIDEWIRE_AUTH__SECRET), or listen on 127.0.0.1."
            )
        if self.cors.credentials and "*" in self.cors.origins:
            raise ConfigError("cors.credentials needs a list of origins; '*' is not allowed.")
        for origin in self.cors.origins:
            if not _ORIGIN.fullmatch(origin):
                raise ConfigError(
                    f"cors.origins: {origin!r} is not what a browser sends, which is as "
                    "'https://app.example.com'; '*' is for any."
                )
        for name in self.allowed_hosts:
            if name != "*" and not _HOST.fullmatch(name):
                raise ConfigError(
                    f"allowed_hosts: {name!r} is no name, which is as 'tide.home.arpa'; "
                    "'*' alone is for any."
                )
        if self.default_model and self.default_model not in (self.models or {"demo": {}}):
            raise ConfigError(f"default_model '{self.default_model}' is not in [models].")


def load_settings(config: Path | None = None, **options: Any) -> Settings:
    """Settings from a TOML file, the environment, and ``options`` that are not None.

    Raises ConfigError that names the setting and what it may be.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        settings = Settings(**_read(config))
        settings = settings.model_copy(update=given)
    except ValidationError as exc:
        raise ConfigError(explain(exc, Settings)) from exc
    except SettingsError as exc:  # a variable for a whole table or list
        raise ConfigError(explain_unread(exc)) from exc
    settings.check()
    return settings


def _read(config: Path | None) -> dict[str, Any]:
    if config is None:
        return {}
    try:
        return tomllib.loads(config.read_text("utf-8-sig"))  # some editors put a mark
    except OSError as exc:
        raise ConfigError(f"The config file {config} cannot be read: {exc.strerror}.") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"The config file {config} is not UTF-8.") from exc
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"The config file {config} is not valid TOML: {exc}.") from exc
