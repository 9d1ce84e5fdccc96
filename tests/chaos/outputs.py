"""What a run wrote: read from the topics, compared by digest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from schemas.digest import SortKey, digest, sort_key
from schemas.errors import CodecError
from schemas.frame import Message
from schemas.health import DeadLetter
from schemas.topics import (
    ALERTS,
    CONFLUENCE_SCORES,
    DEAD_LETTERS,
    DIMENSION_SCORES,
    FILLS,
    MONITOR,
    ORDERS,
    OVERVIEW,
    PORTFOLIO,
    POSITIONS,
    QUALITY,
    SIGNALS,
    TRADE_ALERTS,
)
from streams.transport.log import Log, TopicPartition

OUTPUTS = (
    DIMENSION_SCORES, CONFLUENCE_SCORES, SIGNALS, ORDERS, FILLS, POSITIONS, QUALITY,
    PORTFOLIO, MONITOR, TRADE_ALERTS, OVERVIEW, ALERTS,
)  # fmt: skip
"""Topics that must hold the same, whatever happened on the way."""

Outputs = Mapping[str, Sequence[Message]]
"""Records by topic name, without a prefix."""


class Conflict(AssertionError):
    """Two records with one id differ: something was decided twice, and differently."""


class Tail:
    """Reads topics on from where it stopped, and refuses records that contradict one another."""

    def __init__(self, log: Log, *, partitions: int, prefix: str) -> None:
        self._log = log
        self._prefix = prefix
        self._at = {
            TopicPartition(prefix + topic.name, number): 0
            for topic in OUTPUTS
            for number in range(topic.partition_count(partitions))
        }
        self._decoders = {topic.name: topic.decoder() for topic in OUTPUTS}
        self._bodies: dict[tuple[str, SortKey], bytes] = {}
        self.messages: dict[str, list[Message]] = {topic.name: [] for topic in OUTPUTS}
        """Distinct records by topic, in the order in which they were read."""
        self.repeated = 0
        """Records that were there already, byte by byte."""

    async def read_on(self) -> int:
        """Take what is there by now; how many records that was."""
        count = 0
        for at, end in (await self._log.end_offsets(list(self._at))).items():
            while self._at[at] < end:
                records = await self._log.read(
                    at.topic, at.partition, self._at[at], max_records=2_000, wait_ms=1_000
                )
                for record in records:
                    self._take(at.topic.removeprefix(self._prefix), record.value or b"")
                    self._at[at] = record.offset + 1
                count += len(records)
        return count

    async def read_until(
        self, expected: Outputs, *, within_s: float, look: Callable[[], None]
    ) -> None:
        """Read until every expected id is there; :class:`TimeoutError` names what lacks.

        ``look`` is called again and again, and raises when waiting is in vain.
        """
        missing = {name: {sort_key(m) for m in expected.get(name, ())} for name in self.messages}
        read = dict.fromkeys(missing, 0)
        try:
            async with asyncio.timeout(within_s):
                while True:
                    look()
                    news = await self.read_on()
                    for name, messages in self.messages.items():
                        missing[name] -= {sort_key(m) for m in messages[read[name] :]}
                        read[name] = len(messages)
                    if not any(missing.values()):
                        return
                    if not news:
                        await asyncio.sleep(0.02)
        except TimeoutError:
            counts = {name: len(keys) for name, keys in missing.items() if keys}
            first = min((key for keys in missing.values() for key in keys), default=None)
            raise TimeoutError(
                f"not written within {within_s:.0f} s: {counts}, first {first}"
            ) from None

    def _take(self, topic: str, body: bytes) -> None:
        try:
            message: Message = self._decoders[topic].decode(body)
        except CodecError:
            return  # the roles have to say so in a dead letter
        key = sort_key(message)
        before = self._bodies.setdefault((topic, key), body)
        if before is body:
            self.messages[topic].append(message)
        elif before == body:
            self.repeated += 1
        else:
            raise Conflict(f"{topic} {key}: two bodies under one id")


async def dead_letters(log: Log, *, prefix: str) -> list[DeadLetter]:
    """What the roles could not use."""
    at = TopicPartition(prefix + DEAD_LETTERS.name, 0)
    decoder = DEAD_LETTERS.decoder()
    end = (await log.end_offsets([at]))[at]
    letters: list[DeadLetter] = []
    while len(letters) < end:
        records = await log.read(at.topic, at.partition, len(letters), wait_ms=1_000)
        letters.extend(decoder.decode(record.value or b"") for record in records)
    return letters


def digests(messages: Outputs) -> dict[str, tuple[int, str]]:
    """Number of records and digest by output topic."""
    found = {topic.name: list(messages.get(topic.name, ())) for topic in OUTPUTS}
    return {name: (len(records), digest(records)) for name, records in found.items()}
