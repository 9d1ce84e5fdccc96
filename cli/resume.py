"""Files and the generated market go on where the log ends, as the exchange would have."""

from __future__ import annotations

import asyncio

import typer

from cli.moment import written
from schemas.errors import UsageError
from schemas.frame import Frame
from streams.merge import FeedMessage
from streams.publish import FramePublisher

_LEAVE_OFF_EVERY = 100
"""Messages that are passed over before others in this process have their turn."""


class Resume:
    """Of what is played, what the log does not hold yet; readers would pass over the rest.

    It says once that the log holds some of it, and :meth:`check` refuses a source of which it
    holds all, for nobody would hear of it.
    """

    def __init__(self, publisher: FramePublisher, title: str) -> None:
        self._publisher = publisher
        self._title = title
        self._passed_over = 0
        self._new = 0

    async def is_new(self, message: FeedMessage) -> bool:
        """Whether a message is to be published."""
        if await self._publisher.is_new(message):
            self._new += isinstance(message, Frame)
            return True
        if not self._passed_over:
            typer.echo(f"prism: {self._title}: {self._held()}; going on there", err=True)
        if self._passed_over % _LEAVE_OFF_EVERY == 0:
            await asyncio.sleep(0)
        self._passed_over += 1
        return False

    def check(self) -> None:
        """At the end of the source. Raises :class:`UsageError` if the log held all of it."""
        if self._passed_over and not self._new:
            raise UsageError(
                f"{self._title}: {self._held()}, which is all of it; set broker.topic_prefix to "
                "play it again beside that"
            )

    def _held(self) -> str:
        return f"the broker holds it up to {written(self._publisher.held_until())}"
