"""Sends what was decided; a failed send ends the role, so nothing builds on a lost output."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import structlog
from faust.types import Message as Input

from agents.runtime.fence import FencedApp
from schemas.clock import now_ns
from schemas.codec import encode
from schemas.errors import PrismError
from schemas.frame import Message
from schemas.health import DeadLetter
from schemas.topics import KeyedBy, topic_of

log = structlog.get_logger()


class Emitter:
    """Encodes messages and hands them to the producer, in order per partition.

    A derived record keeps the broker timestamp of the frame that caused it, so that latency can be
    read off any record. Messages keyed by symbol go to the partition that their input came from.
    """

    def __init__(self, app: FencedApp, *, prefix: str) -> None:
        self._app = app
        self._prefix = prefix
        self.sent = 0
        self.dead = 0

    async def emit(self, message: Message, *, partition: int, timestamp_s: float | None) -> None:
        """Send one message; returns when the producer has taken it, not when it is acknowledged."""
        topic = topic_of(message)
        target = partition if topic.keyed_by is KeyedBy.SYMBOL else 0
        key: Any = message
        failpoints = self._app.failpoints
        failpoints.passed_with(message, "before_send")
        sent: Any = await self._app.producer.send(
            self._prefix + topic.name,
            key.key.encode(),
            encode(message),
            target,
            timestamp_s,
            None,
        )
        self._app.outputs.track(sent)
        sent.add_done_callback(partial(self._on_sent, message))
        self.sent += 1
        failpoints.passed_with(message, "sent")

    async def dead_letter(self, message: Input, error: Exception) -> None:
        """Put aside an input that cannot be used, with where it came from."""
        self.dead += 1
        reason = type(error).__name__
        log.warning(
            "dead_letter", reason=reason, source=message.topic, partition=message.partition,
            offset=message.offset, detail=str(error),
        )  # fmt: skip
        letter = DeadLetter(
            source=message.topic,
            reason=reason,
            detail=f"{message.topic}[{message.partition}]@{message.offset}: {error}",
            body=bytes(message.value or b""),
            receive_ns=now_ns(),
        )
        await self.emit(letter, partition=0, timestamp_s=None)

    def _on_sent(self, message: Message, sent: asyncio.Future[Any]) -> None:
        error = None if sent.cancelled() else sent.exception()
        if error is None:
            self._app.failpoints.passed_with(message, "acknowledged")
        else:
            log.error("emit.failed", error=str(error), action="the worker stops; restart it")
            crash = self._app.crash(PrismError(f"output was not acknowledged: {error}"))
            self._crashing = asyncio.ensure_future(crash)
