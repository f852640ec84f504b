"""What the requests of several vendors have in common."""

from __future__ import annotations

import pytest

from tidewire.models.body import data_of, given, merged


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("data:image/png;base64,iVBORw==", ("image/png", "iVBORw==")),
        ("data:image/svg+xml;charset=utf-8;base64,PA==", ("image/svg+xml", "PA==")),
        ("data:image/svg+xml,%3Csvg/%3E", ("image/svg+xml", "PHN2Zy8+")),
        ("data:,a%20b", ("text/plain", "YSBi")),
        ("https://sea.example/data:image/png;base64,x", None),
    ],
)
def test_data_of_a_url(url: str, data: tuple[str, str] | None) -> None:
    assert data_of(url) == data


def test_zero_and_false_are_wishes() -> None:
    assert given(a=0, b=False, c=0.0, d=None, e="", f=[], g={}) == {
        "a": 0,
        "b": False,
        "c": 0.0,
        "g": {},
    }


def test_merged_goes_into_tables_and_changes_nothing_it_was_given() -> None:
    body = {"a": {"b": 1, "c": {"d": 2}}, "e": [1]}
    assert merged(body, {"a": {"c": {"f": 3}, "b": {"g": 4}}, "e": [2]}) == {
        "a": {"b": {"g": 4}, "c": {"d": 2, "f": 3}},
        "e": [2],
    }
    assert body == {"a": {"b": 1, "c": {"d": 2}}, "e": [1]}
