"""A model with others behind it: the first that says anything gives the whole answer."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from tidewire.answers.events import AnswerEvent, RunModel
from tidewire.errors import ModelError
from tidewire.models.base import ChatRequest, Model

__all__ = ["Fallback"]

logger = logging.getLogger("tidewire.models")


class Fallback:
    """``first``, and ``others`` in their order where it fails before it said anything.

    They are asked the same; what the last of them raises is raised. An answer of one of
    the ``others`` begins with its name: a RunModel. The others belong to whoever made
    them, and are not closed here.
    """

    def __init__(self, first: Model, others: Sequence[Model]) -> None:
        self.name = first.name
        self._first = first
        self._others = others

    async def answer(self, request: ChatRequest) -> AsyncGenerator[AnswerEvent, None]:
        """See Model."""
        model = self._first
        for other in self._others:
            spoke = False
            try:
                async with aclosing(self._ask(model, request)) as events:
                    async for event in events:
                        spoke = True
                        yield event
                return
            except ModelError as error:
                if spoke:
                    raise
                logger.warning(
                    "Model %s failed (%s); asking %s instead", model.name, error, other.name
                )
            model = other
        async with aclosing(self._ask(model, request)) as events:
            async for event in events:
                yield event

    async def aclose(self) -> None:
        await self._first.aclose()

    async def _ask(self, model: Model, request: ChatRequest) -> AsyncGenerator[AnswerEvent, None]:
        """Its answer; it is named with its first event, not before: it may fail as well."""
        is_named = model is self._first
        async with aclosing(model.answer(request)) as events:
            async for event in events:
                if not is_named:
                    is_named = True
                    yield RunModel(model.name)
                yield event
