"""A model with others behind it: the first that says anything gives the whole answer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial

from tidewire.answers.events import AnswerEvent, RunModel
from tidewire.errors import ModelError
from tidewire.models.answer import Answer, Hear, Hold, tell
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
        self._models = [first, *others]

    def answer(self, request: ChatRequest) -> Answer:
        """See Model."""
        return Answer(partial(self._tell, request))

    async def aclose(self) -> None:
        await self._first.aclose()

    async def _tell(self, request: ChatRequest, hear: Hear) -> None:
        for model, other in zip(self._models, [*self._models[1:], None], strict=True):
            listener = _Listener(hear, RunModel(model.name) if model is not self._first else None)
            try:
                async with aclosing(model.answer(request)) as answer:
                    await tell(answer, listener.hear)
                return
            except ModelError as error:
                if listener.heard or other is None:
                    raise
                logger.warning(
                    "Model %s failed (%s); asking %s instead", model.name, error, other.name
                )


class _Listener:
    """Hears one model. What it says is begun with ``name``, not before: it may fail as well."""

    def __init__(self, hear: Hear, name: RunModel | None) -> None:
        self.heard = False
        self._hear = hear
        self._name = name

    def hear(self, event: AnswerEvent) -> Hold:
        if not self.heard and self._name is not None:
            self._hear(self._name)
        self.heard = True
        return self._hear(event)
