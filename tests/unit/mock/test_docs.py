"""docs/mock.md is as the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tidewire import testing
from tidewire.mock.apis import APIS
from tidewire.mock.scenario import Cited, Fault, Pace, Rule, Tokens, parse_scenario

PAGE = (Path(__file__).parents[3] / "docs" / "mock.md").read_text()
FIELDS = [name for table in (Cited, Fault, Pace, Rule, Tokens) for name in table.__struct_fields__]


def test_the_scenario_is_one() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
    assert len(parse_scenario(text).rule) == 4


@pytest.mark.parametrize("name", [*FIELDS, *testing.__all__])
def test_it_is_told(name: str) -> None:
    assert re.search(rf"\b{name}\b", PAGE)


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_the_api_is_listed(api: type) -> None:
    assert f"  {api.name:<17} {api.route}\n" in PAGE  # type: ignore[attr-defined]
