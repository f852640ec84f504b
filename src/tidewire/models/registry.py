"""From a ``[models.NAME]`` table of the settings to a model that answers.

The one place that knows which APIs there are. Every mistake in a table is a
ConfigError that names the setting; none is left for the first question to find.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from tidewire.errors import ConfigError
from tidewire.models import (
    anthropic,
    dashscope,
    demo,
    gemini,
    ollama,
    openai,
    openai_responses,
)
from tidewire.models.base import Model
from tidewire.models.fallback import Fallback
from tidewire.wire.url import is_http_url

__all__ = ["APIS", "SETTINGS", "build", "build_all"]

_APIS: Final[dict[str, tuple[type, Callable[[str, Any], Model]]]] = {
    "openai": (openai.Settings, openai.OpenAI),
    "openai-responses": (openai_responses.Settings, openai_responses.OpenAIResponses),
    "anthropic": (anthropic.Settings, anthropic.Anthropic),
    "dashscope": (dashscope.Settings, dashscope.DashScope),
    "gemini": (gemini.Settings, gemini.Gemini),
    "ollama": (ollama.Settings, ollama.Ollama),
    "demo": (demo.Settings, demo.Demo),
}

APIS: Final = tuple(_APIS)
"""The values that ``api`` may have."""

SETTINGS: Final = {api: settings for api, (settings, _) in _APIS.items()}
"""What can be set for each."""

_POSITIVE = ("_timeout_seconds", "_bytes")
_URL = "an http or https URL, without a query"
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2


def build_all(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Model]:
    """The models of all tables, each with the models of its ``fallback`` list behind it.

    A fallback is the named model alone, without what may stand behind that one: so
    there is no circle. Raises ConfigError.
    """
    alone = {
        name: build(name, {key: value for key, value in table.items() if key != "fallback"})
        for name, table in tables.items()
    }
    return {
        name: _with_fallback(name, table.get("fallback", []), alone)
        for name, table in tables.items()
    }


def build(name: str, table: Mapping[str, Any]) -> Model:
    """The model ``name`` as its table describes it: ``api`` and that API's settings.

    ``api_key``, ``proxy`` and the values of ``headers`` may be ``env:NAME`` or ``file:PATH``, read
    here, once. Connects to nothing. Raises ConfigError.
    """
    where = f"models.{name}"
    rest = dict(table)
    api = rest.pop("api", None)
    if not isinstance(api, str) or api not in _APIS:
        given = "missing" if api is None else repr(api)
        raise ConfigError(f"{where}.api is {given}; it must be one of: {', '.join(APIS)}.")
    settings_type, model_type = _APIS[api]
    return model_type(name, _settings(where, settings_type, rest))


def _with_fallback(name: str, others: Any, alone: Mapping[str, Model]) -> Model:
    where = f"models.{name}.fallback"
    if not isinstance(others, list) or not all(isinstance(other, str) for other in others):
        raise ConfigError(f"{where} must be a list of names of models.")
    for other in others:
        if other not in alone or other == name:
            raise ConfigError(f"{where}: {other!r} is no other model of [models].")
    return Fallback(alone[name], [alone[other] for other in others]) if others else alone[name]


def _settings(where: str, settings_type: type, table: dict[str, Any]) -> Any:
    known = [field.name for field in dataclasses.fields(settings_type)]
    for key in table:
        if key not in known:
            raise ConfigError(f"{where}.{key} is not known; there are: {', '.join(known)}.")
    try:
        # Not strict: what comes from an environment variable is a text.
        settings: Any = msgspec.convert(table, settings_type, strict=False)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"{where}: {exc}.") from exc
    for field in known:
        _check(f"{where}.{field}", field, getattr(settings, field))
    settings = dataclasses.replace(settings, **_secrets(where, settings, known))
    if "proxy" in known and settings.proxy and not _is_base_url(settings.proxy):
        raise ConfigError(f"{where}.proxy must be {_URL}.")
    return settings


def _check(where: str, field: str, value: Any) -> None:
    """What a type cannot say: numbers are not negative, the URL is one we can post to."""
    if isinstance(value, int | float) and not (math.isfinite(value) and value >= 0):
        raise ConfigError(f"{where} must not be negative, and not infinite.")
    if field.endswith(_POSITIVE) and not value:
        raise ConfigError(f"{where} must be more than 0.")
    if field == "base_url" and not _is_base_url(value):
        raise ConfigError(f"{where} must be {_URL}.")
    if field == "headers":
        for name in value:
            if not _HEADER.fullmatch(name):
                raise ConfigError(f"{where}: {name!r} is no name of a header.")


def _is_base_url(value: str) -> bool:
    """True if a path can be put behind it."""
    return value.isprintable() and not set(value) & set(" ?#") and is_http_url(value)


def _secrets(where: str, settings: Any, known: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in ("api_key", "proxy"):
        if field in known:
            found[field] = _secret(f"{where}.{field}", getattr(settings, field))
    if "headers" in known:
        found["headers"] = {
            key: _secret(f"{where}.headers.{key}", value) for key, value in settings.headers.items()
        }
    return found


def _secret(where: str, value: str) -> str:
    """The value itself, or what ``env:`` or ``file:`` points at, without white space."""
    kind, separator, place = value.partition(":")
    if separator and kind == "env":
        if place not in os.environ:
            raise ConfigError(f"{where}: the environment variable {place} is not set.")
        value = os.environ[place]
    elif separator and kind == "file":
        try:
            value = Path(place).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{where}: the file {place} cannot be read.") from exc
    return _header_safe(where, value.strip())


def _header_safe(where: str, value: str) -> str:
    if not value.isprintable() or not value.isascii():
        raise ConfigError(f"{where} must consist of printable ASCII characters.")
    return value
