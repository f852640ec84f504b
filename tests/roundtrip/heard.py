"""What a reader at either end of the round trip has understood, feature by feature."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tidewire.dialects.features import Feature

# When something is told, not what; and what no mocked model API says.
NOT_COMPARED = {
    Feature.REASONING_STREAM, Feature.CALL_STREAM, Feature.CURSOR, Feature.CONTINUES,
    Feature.RESULTS, Feature.TOOL_ERRORS, Feature.DATA, Feature.TRANSIENT, Feature.FILES,
}  # fmt: skip


@dataclass
class Heard:
    """Texts and reasonings by part, in the order in which they began; calls by id."""

    texts: dict[Any, str] = field(default_factory=dict)
    reasonings: dict[Any, str] = field(default_factory=dict)
    signatures: list[str] = field(default_factory=list)
    calls: dict[str, tuple[str, Any]] = field(default_factory=dict)
    call_signatures: dict[str, str] = field(default_factory=dict)
    invalid: set[str] = field(default_factory=set)
    pages: list[tuple[str, str]] = field(default_factory=list)
    documents: list[tuple[str, str]] = field(default_factory=list)
    quotes: list[str] = field(default_factory=list)
    usage: tuple[int, int] | None = None
    details: tuple[int, int] | None = None
    estimated: bool = False
    reason: str | None = None
    stopped: bool = False
    failure: str | None = None
    code: str | None = None
    retryable: bool | None = None
    run: str | None = None
    session: str | None = None
    model: str | None = None

    def say(self, told: dict[Any, str], key: Any, delta: str) -> None:
        told[key] = told.get(key, "") + delta

    def call(self, id: str, name: str, arguments: str) -> None:
        """A call with all of its arguments, as they came: JSON, if they are."""
        try:
            self.calls[id] = name, json.loads(arguments)
        except json.JSONDecodeError:
            self.calls[id] = name, arguments

    def cite_page(self, url: str, title: str | None, quote: str | None = None) -> None:
        self.pages.append((url, title or url))
        self._quote(quote)

    def cite_document(self, document: str, title: str | None, quote: str | None = None) -> None:
        self.documents.append((document, title or document))
        self._quote(quote)

    def cite(self, source: dict[str, Any]) -> None:
        """A source as we tell it: a page if it has a URL."""
        title, quote = source.get("title"), source.get("quote")
        if "url" in source:
            self.cite_page(source["url"], title, quote)
        else:
            self.cite_document(source["document"], title, quote)

    def fail(self, message: str, code: str | None, retryable: bool | None) -> None:
        self.failure, self.code, self.retryable = message, code, retryable

    def sign(self, signature: str) -> None:
        self.signatures.append(proof(signature))

    def sign_call(self, id: str, signature: str) -> None:
        self.call_signatures[id] = proof(signature)

    def of(self, feature: Feature) -> Any:
        """What was understood of a feature."""
        match feature:
            case Feature.TEXT:
                return "".join(self.texts.values())
            case Feature.TEXT_PARTS:
                return [text for text in self.texts.values() if text]
            case Feature.REASONING:
                return "".join(self.reasonings.values())
        return getattr(self, _FIELDS[feature])

    def _quote(self, quote: str | None) -> None:
        if quote:
            self.quotes.append(quote)


_FIELDS = {
    Feature.SIGNATURE: "signatures",
    Feature.CALLS: "calls",
    Feature.CALL_SIGNATURE: "call_signatures",
    Feature.INVALID_CALLS: "invalid",
    Feature.PAGES: "pages",
    Feature.DOCUMENTS: "documents",
    Feature.QUOTES: "quotes",
    Feature.USAGE: "usage",
    Feature.USAGE_DETAILS: "details",
    Feature.ESTIMATED: "estimated",
    Feature.REASON: "reason",
    Feature.STOPPED: "stopped",
    Feature.FAILED: "failure",
    Feature.CODE: "code",
    Feature.RETRYABLE: "retryable",
    Feature.RUN: "run",
    Feature.SESSION: "session",
    Feature.MODEL: "model",
}


def proof(signature: str) -> str:
    """The vendor's own: what stands before it says whose it is, and of which item."""
    return signature.rpartition(":")[2]
