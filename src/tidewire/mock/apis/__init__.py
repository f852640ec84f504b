"""The APIs that the mock speaks, and which of them a request is for."""

from __future__ import annotations

import re
from typing import Final

from tidewire.mock.apis.anthropic import Anthropic
from tidewire.mock.apis.base import Api
from tidewire.mock.apis.dashscope import DashScope
from tidewire.mock.apis.dify import Dify
from tidewire.mock.apis.gemini import Gemini
from tidewire.mock.apis.ollama import Ollama
from tidewire.mock.apis.openai import OpenAI
from tidewire.mock.apis.openai_responses import OpenAIResponses

__all__ = ["APIS", "api_for"]

APIS: Final[tuple[type[Api], ...]] = (
    OpenAI, OpenAIResponses, Anthropic, Gemini, Ollama, DashScope, Dify,
)  # fmt: skip


def api_for(method: str, path: str) -> type[Api] | None:
    """The API that has this method and path."""
    target = f"{method} {path}"
    return next((api for pattern, api in _ROUTES if pattern.fullmatch(target)), None)


def _pattern(route: str) -> re.Pattern[str]:
    """A route as a pattern; Gemini has two versions, and says in the path whether to stream."""
    pattern = re.sub(r"\\\{\w+\\\}", "[^/:]+", re.escape(route))
    pattern = pattern.replace("v1beta", "v1(beta)?")
    return re.compile(pattern.replace("streamGenerateContent", "(stream)?[gG]enerateContent"))


_ROUTES: Final = [(_pattern(api.route), api) for api in APIS]
