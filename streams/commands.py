"""Commands of people on their way into ``control``, and what comes back of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeGuard, TypeVar

from schemas.codec import encode
from schemas.control import Command, Flatten, Halt, Resume
from schemas.frame import Message
from schemas.order import Flattened
from schemas.settings import BrokerSettings
from schemas.topics import CONTROL, POSITIONS, Topic
from streams.transport.between import all_records
from streams.transport.log import Log, TopicPartition

_WAIT_MS = 200

M = TypeVar("M", bound=Message)


class CommandLine:
    """Writes commands of an account, and waits for what the account makes of them."""

    def __init__(self, log: Log, settings: BrokerSettings) -> None:
        self._log = log
        self._prefix = settings.topic_prefix
        self._positions_from = 0

    async def send(self, command: Command) -> None:
        """Write a command without a tick; durable when this returns."""
        at = TopicPartition(self._prefix + POSITIONS.name, 0)
        self._positions_from = (await self._log.end_offsets([at]))[at]
        sent = await self._log.produce(
            self._prefix + CONTROL.name, command.key.encode(), encode(command), partition=0
        )
        await self._log.flush()
        await sent

    async def taken(self, command: Command, *, within_s: float) -> Command | None:
        """The command with the tick from which it holds; ``None`` if no account answers in time."""
        try:
            async with asyncio.timeout(within_s):
                async for found in self._follow(CONTROL, 0):
                    if _answers(found, command):
                        return found
        except TimeoutError:
            pass
        return None

    async def flattened(self, command: Command, *, within_s: float) -> Flattened | None:
        """The record that a flatten which was sent here is done; ``None`` if it is not in time."""
        try:
            async with asyncio.timeout(within_s):
                async for found in self._follow(POSITIONS, self._positions_from):
                    if isinstance(found, Flattened) and found.command_id == command.id:
                        return found
        except TimeoutError:
            pass
        return None

    async def all_of(
        self, topic: Topic, types: type[M] | tuple[type[M], ...], *, account: str
    ) -> list[M]:
        """What a topic of one partition holds now of an account's records of some types."""
        at = TopicPartition(self._prefix + topic.name, 0)
        found: list[M] = []
        decoder = topic.decoder()
        async for record in all_records(self._log, at):
            message = decoder.decode(record.value or b"")
            if isinstance(message, types) and message.account == account:  # type: ignore[attr-defined]
                found.append(message)
        return found

    async def _follow(self, topic: Topic, offset: int) -> AsyncIterator[Message]:
        """Every record from an offset on, for ever."""
        decoder = topic.decoder()
        while True:
            records = await self._log.read(
                self._prefix + topic.name, 0, offset, max_records=2_000, wait_ms=_WAIT_MS
            )
            for record in records:
                offset = record.offset + 1
                yield decoder.decode(record.value or b"")


def _answers(found: Message, command: Command) -> TypeGuard[Command]:
    """Whether a record is the command with its tick."""
    if not isinstance(found, Halt | Resume | Flatten):
        return False
    return found.id == command.id and found.effective_ns is not None
