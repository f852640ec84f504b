"""A vendor's words, made safe; Retry-After in all its forms."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.models.refusal import refusal, retry_after_seconds, safe_text

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error":{"message":"No quota","code":"x"}}', ": No quota"),
        (b'{"error":"model not found"}', ": model not found"),
        (b'{"message":"flat"}', ": flat"),
        (b'{"detail":"FastAPI says so"}', ": FastAPI says so"),
        (b'{"error":{"message":null},"message":"outer"}', "."),
        (b'{"error":{"message":["a","list"]}}', "."),
        (b"<html>Bad gateway</html>", "."),
        (b"", "."),
        (b'{"error":{"message":"cut of', "."),
        (b'{"error":' * 50_000, "."),
        (b'{"error":' * 900 + b'"deep"' + b"}" * 900, ": deep"),
    ],
    ids=lambda value: value[:30],
)
def test_message_in_any_shape(body: bytes, said: str) -> None:
    error = refusal(503, body, retry_after=None, now=NOW, secrets=())
    assert str(error) == f"The model API answered 503{said}"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("Incorrect key: hunter-22.", "Incorrect key: [redacted]."),
        ("sent Authorization: Bearer abc.def-1", "sent Authorization: [redacted]"),
        ("BEARER dXNlcjpwYXNz, sorry", "[redacted], sorry"),
        ("key sk-proj-aB3_xyz99 is expired", "key [redacted] is expired"),
        ("key sk-****ab12 is expired", "key [redacted] is expired"),
        ("a risk-averse key-value store", "a risk-averse key-value store"),
        ("line\r\nbreak\x00\x1b[31m\u2028\u202eevil", "line break [31m evil"),
        ("潮 🌊", "潮 🌊"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 299 + "…"),
    ],
)
def test_safe_text(text: str, safe: str) -> None:
    assert safe_text(text, secrets=["hunter-22", "", "a"]) == safe


@given(st.text(), st.text(min_size=6))
def test_safe_text_is_short_and_on_one_line(text: str, secret: str) -> None:
    safe = safe_text(text + secret + text, [secret])
    assert len(safe) <= 300
    assert not any(ord(character) < 32 for character in safe)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("7", 7),
        (" 0 ", 0),
        ("1.5", 1.5),
        ("999999999", 86_400),
        ("-3", None),
        ("soon", None),
        ("", None),
        ("١", None),
        ("Fri, 20 Nov 2026 12:00:30 GMT", 30),
        ("Fri, 20 Nov 2026 12:00:30 -0000", 30),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
        ("Fri, 99 Nov 2026 11:00:00 GMT", None),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, now=NOW) == seconds
