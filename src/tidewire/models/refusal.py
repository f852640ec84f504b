"""What a model API says when it refuses, made safe to show.

A vendor's error text goes to a person's screen, into the log and into HTTP bodies, and
vendors like to quote keys and requests in it. So it is cut, freed of control
characters, and every secret we know or recognise is taken out. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from tidewire.errors import ModelError, UpstreamBroken, UpstreamRefused

__all__ = ["in_stream_error", "refusal", "retry_after_seconds", "safe_text"]

_MAX_CHARACTERS = 300
_MAX_RETRY_AFTER_SECONDS = 86_400.0
_MIN_SECRET_CHARACTERS = 6
# C0, DEL, C1, line separators, and the marks that reorder or hide text.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_TOKENS = re.compile(r"(?i)\bbearer\s+[^\s\"',;]+|\b(sk|pk|rk)-[\w*.-]{6,}")
_REDACTED = "[redacted]"
_MESSAGE_KEYS = ("error", "message", "detail")
_ERROR_STATUS = re.compile("[45][0-9]{2}")

# Statuses for the errors that vendors name inside a stream whose status was 200.
_NAMED_STATUSES = {
    "InvalidApiKey": 401,
    "InvalidParameter": 400,
    "DataInspectionFailed": 400,
    "Throttling": 429,
    "Throttling.AllocationQuota": 429,
    "Throttling.RateQuota": 429,
    "authentication_error": 401,
    "insufficient_quota": 429,
    "invalid_api_key": 401,
    "invalid_prompt": 400,
    "invalid_request_error": 400,
    "not_found_error": 404,
    "overloaded_error": 529,
    "permission_error": 403,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "request_too_large": 413,
    "timeout_error": 504,
}


def refusal(
    status: int, body: bytes, *, retry_after: str | None, now: datetime, secrets: Iterable[str]
) -> UpstreamRefused:
    """The error for an answer whose ``status`` is not 200. ``body`` may be cut or empty."""
    said = safe_text(_message_in(_parsed(body)), secrets)
    return UpstreamRefused(
        f"The model API answered {status}: {said}" if said else f"The model API answered {status}.",
        upstream_status=status,
        retry_after_seconds=retry_after_seconds(retry_after, now=now),
    )


def in_stream_error(error: Any, secrets: Iterable[str]) -> ModelError:
    """The error for an ``error`` object that came inside a stream.

    It is a refusal where the vendor says which, so that what cannot help by trying
    again is not tried again; otherwise the stream broke.
    """
    said = safe_text(_message_in({"error": error}), secrets)
    message = f"The model API reported an error: {said}" if said else "The model API failed."
    status = _status_of(error)
    if status is None:
        return UpstreamBroken(message)
    return UpstreamRefused(message, upstream_status=status)


def safe_text(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` on one line, at most 300 characters, without secrets."""
    for secret in secrets:
        if len(secret) >= _MIN_SECRET_CHARACTERS:
            text = text.replace(secret, _REDACTED)
    text = _CONTROLS.sub(" ", _TOKENS.sub(_REDACTED, text)).strip()
    return text if len(text) <= _MAX_CHARACTERS else text[: _MAX_CHARACTERS - 1] + "…"


def retry_after_seconds(value: str | None, *, now: datetime) -> float | None:
    """``Retry-After``, as seconds or as an HTTP date; None if absent or unreadable.

    Never more than a day, and never negative. Source: RFC 9110, section 10.2.3.
    """
    if value is None:
        return None
    seconds = _decimal(value)
    if seconds is None:
        seconds = _until(value, now)
    return None if seconds is None else min(max(seconds, 0.0), _MAX_RETRY_AFTER_SECONDS)


def _decimal(value: str) -> float | None:
    """Whole seconds by the RFC; some vendors send fractions."""
    return float(value) if re.fullmatch(r"\s*[0-9]{1,9}(\.[0-9]{0,9})?\s*", value) else None


def _until(value: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:  # "-0000": a date that does not tell its zone
        moment = moment.replace(tzinfo=UTC)
    return (moment - now).total_seconds()


def _parsed(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body.decode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return None  # an HTML page or a proxy's prose: the status says enough


def _message_in(answer: Any) -> str:
    """The message in any of the shapes vendors use: nested, flat, or just a string."""
    while isinstance(answer, dict):
        answer = next((answer[key] for key in _MESSAGE_KEYS if answer.get(key)), None)
    return answer if isinstance(answer, str) else ""


def _status_of(error: Any) -> int | None:
    if not isinstance(error, dict):
        return None
    said = [str(error.get(key)) for key in ("status", "code", "type")]  # 429, "429", or a name
    return next(filter(None, map(_status_named, said)), None)


def _status_named(said: str) -> int | None:
    return int(said) if _ERROR_STATUS.fullmatch(said) else _NAMED_STATUSES.get(said)
