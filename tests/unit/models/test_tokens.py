"""Pieces like tokens: nothing lost, nothing broken that shows as one sign."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewire.models.tokens import tokens


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("High tide at noon.", ["High", " tide", " at", " noon", "."]),
        ("你好世界啊", ["你好", "世界", "啊"]),
        ("用 Python 写", ["用", " Python", " ", "写"]),
        ("12345", ["123", "45"]),
        ("a  b", ["a", " ", " b"]),
        ("a\n\nb", ["a", "\n\n", "b"]),
        ("**bold**", ["**", "bold", "**"]),
        ("incomprehensibilities", ["incomprehens", "ibilities"]),
        ("👩🏽‍💻👨‍👩‍👧‍👦", ["👩🏽‍💻", "👨‍👩‍👧‍👦"]),
        ("🇩🇪🇨🇳1️⃣❤️", ["🇩🇪", "🇨🇳", "1️⃣", "❤️"]),
    ],
)
def test_pieces(text: str, pieces: list[str]) -> None:
    assert tokens(text) == pieces


@given(st.text())
def test_nothing_is_lost(text: str) -> None:
    assert "".join(tokens(text)) == text


@given(st.text())
def test_pieces_are_small_and_never_empty(text: str) -> None:
    assert all(tokens(text))
