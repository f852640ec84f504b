"""Where the cases of spec/cases are, for the tests that run them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

CASES = Path(__file__).parents[2] / "spec" / "cases"


def load(name: str) -> Any:
    return json.loads((CASES / f"{name}.json").read_text())


def input_of(case: dict[str, Any]) -> bytes:
    """The bytes of a parser case, given as text or, where they are none, in base64."""
    if "input_base64" in case:
        return base64.b64decode(case["input_base64"])
    return str(case["input"]).encode()
