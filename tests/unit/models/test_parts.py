"""Calls and sources, told apart whatever the vendor calls them."""

from __future__ import annotations

from tidewire.answers.events import Source, ToolStart
from tidewire.models.parts import Sources, ToolCalls


def test_calls_of_the_same_id_or_of_none_get_ids_of_their_own() -> None:
    calls = ToolCalls()
    given = ["a", "a", "call_4", None, "a", None]
    events = [event for id in given for event in calls.whole("f", {}, id=id)]
    ids = [event.call for event in events if isinstance(event, ToolStart)]
    assert ids == ["a", "a_2", "call_4", "call_5", "a_5", "call_6"]


def test_a_source_is_a_place_and_what_is_empty_is_not_said() -> None:
    sources = Sources()
    assert sources.cite(url="", title="Sea", quote="noon") == []
    assert sources.cite(url="", document="d", title="", quote="") == [Source("s1", document="d")]
    assert sources.cite(url="u", document="") == [Source("s2", url="u")]
    assert sources.cite(document="d", quote="noon") == [Source("s3", document="d", quote="noon")]
