"""How deeply JSON may be nested."""

from __future__ import annotations

import msgspec
import pytest

from tidewire.wire.depth import MAX_DEPTH, is_too_deep


@pytest.mark.parametrize(
    ("opened", "closed", "levels"), [("[", "]", 1), ('{"a":', "}", 1), ('[0,{"a":', "}]", 2)]
)
def test_lists_and_objects_are_counted(opened: str, closed: str, levels: int) -> None:
    def nested(depth: int) -> object:
        times = depth // levels
        return msgspec.json.decode(opened * times + "1" + closed * times)

    assert not is_too_deep(nested(MAX_DEPTH))
    assert is_too_deep(nested(MAX_DEPTH + levels))


def test_many_beside_each_other_are_not_deep() -> None:
    assert not is_too_deep([[], {}] * 1000)
    assert not is_too_deep("[" * 1000)
