"""What a model's answer can hold, as far as front-end protocols differ in it.

Every dialect names what it ``keeps``. The table in docs/reference/dialects.md is made
of that, and a test compares it with what the dialect really writes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["EVERYTHING", "Feature"]


class Feature(StrEnum):
    """The value is the feature's row in the table."""

    TEXT = "text"
    TEXT_PARTS = "where one text part ends and the next begins"
    REASONING = "reasoning"
    REASONING_STREAM = "reasoning as it streams"
    SIGNATURE = "signature of reasoning"
    CALLS = "tool calls"
    CALL_STREAM = "tool arguments as they stream"
    CALL_SIGNATURE = "signature of calls"
    INVALID_CALLS = "arguments that are no JSON, told from others"
    RESULTS = "tool results"
    TOOL_ERRORS = "tool errors, told from results"
    PAGES = "sources: pages"
    DOCUMENTS = "sources: documents"
    QUOTES = "sources: quotes"
    DATA = "data for the front end"
    TRANSIENT = "transient data, told from lasting"
    FILES = "files"
    USAGE = "usage: input and output tokens"
    USAGE_DETAILS = "usage: reasoning and cached tokens"
    ESTIMATED = "usage that was estimated, told from the vendor's"
    REASON = "why the answer finished: length, tool calls, filter"
    STOPPED = "that it was stopped, told from finished"
    FAILED = "that it failed, and the message"
    CODE = "failure: code"
    RETRYABLE = "failure: whether to try again"
    RUN = "id of the run"
    SESSION = "id of the session"
    MODEL = "name of the model"
    CURSOR = "cursor on every event"
    CONTINUES = "goes on in the middle"


EVERYTHING: Final = frozenset(Feature)
