"""The trader of a drill: embedded broker, live feed and the execution role in a process of its own.

It is killed by SIGKILL and started again on what it has left on disk. In the place of the workers
it gives the verdicts on ticks, and the signals that the drill asks for.

    python -m cli.drill.trader SETTINGS
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import uvloop

from agents.runtime import roles, running
from agents.runtime.roles import Role
from cli.drill.lines import Asked, Command, Told, Want, decode_asked
from cli.live_feed import publish_live
from cli.live_venue import opening_of
from cli.roles import ledger_of
from schemas.clock import now_ns
from schemas.codec import encode
from schemas.control import Flatten, Halt
from schemas.errors import BrokerError
from schemas.frame import Frame, Message
from schemas.order import Flattened, Order, OrderStatus
from schemas.score import ConfluenceScore
from schemas.settings import Settings, load_settings
from schemas.signal import Signal, SignalKind, signal_id
from schemas.topics import (
    CONFLUENCE_SCORES,
    CONTROL,
    FRAMES,
    ORDERS,
    POSITIONS,
    SIGNALS,
    VENUE_REPORTS,
    Topic,
)
from schemas.venue import AccountReport
from streams.commands import CommandLine
from streams.exchanges.venue import venue_of
from streams.publish import FramePublisher
from streams.transport.log import Log, TopicPartition, changelog_specs, open_log, topic_specs

_WAIT_MS = 100
_SCORES = {SignalKind.LONG: 80.0, SignalKind.SHORT: 20.0, SignalKind.EXIT: 50.0}


class Trader:
    """One process's part."""

    def __init__(self, settings: Settings, log: Log) -> None:
        self._settings = settings
        self._log = log
        self._line = CommandLine(log, settings.broker)
        self._wanted: dict[str, SignalKind] = {}

    async def run(self, role: Role) -> None:
        """Trade until nobody asks any more. Raises what went wrong."""
        asking = asyncio.create_task(self._obey())
        works = [
            asking,
            asyncio.create_task(self._feed(asking.done)),
            asyncio.create_task(self._judge()),
            asyncio.create_task(self._watch()),
            asyncio.create_task(self._look(role)),
        ]
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            for work in done:
                work.result()
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)

    async def _feed(self, over: Callable[[], bool]) -> None:
        venue = venue_of(self._settings.live.venue)
        symbols = ",".join(key.partition(":")[2] for key in self._settings.runtime.symbols)
        publisher = FramePublisher(self._log, self._settings)
        await publish_live(venue, symbols, self._settings, publisher=publisher, over=over)

    async def _look(self, role: Role) -> None:
        while not role.app.should_stop:
            await asyncio.sleep(0.1)
        raise BrokerError(f"the execution role has ended: {role.app.crash_reason}")

    async def _obey(self) -> None:
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            await self._take(decode_asked(line))

    async def _take(self, asked: Asked) -> None:
        match asked:
            case Want(signals=signals):
                self._wanted = signals
            case Command(kind=kind):
                given = Halt if kind == "halt" else Flatten
                at = now_ns()
                await self._line.send(
                    given(
                        self._settings.account.id, None, "drill", id=f"{kind}-{at}",
                        by="prism drill", given_ns=at,
                    )
                )  # fmt: skip

    async def _judge(self) -> None:
        """A verdict on every tick there is; those of a process before count first."""
        async for frame in self._follow(FRAMES, begin=True):
            if isinstance(frame, Frame) and frame.is_tick:
                await self._verdict(frame)

    async def _verdict(self, frame: Frame) -> None:
        kind, book = self._wanted.get(frame.symbol), frame.book
        signal = None
        if kind is not None and book is not None and book.bid_price:
            signal = _signal(self._settings, frame, kind, float(frame.price(book.bid_price[0])))
            await self._write(SIGNALS, signal)
        await self._write(
            CONFLUENCE_SCORES,
            ConfluenceScore(
                venue=frame.venue, symbol=frame.symbol, tick_ns=frame.close_ns, epoch=frame.epoch,
                seq=frame.seq, score=None if signal is None else signal.score, reliability=1.0,
                price=None if signal is None else signal.price, contributions=(),
                reliability_parts=(), long_threshold=68.0, short_threshold=35.0,
                signal_id=None if signal is None else signal.id,
            ),
        )  # fmt: skip

    async def _write(self, topic: Topic, message: Signal | ConfluenceScore) -> None:
        sent = await self._log.produce(
            topic.name, message.key.encode(), encode(message), partition=0
        )
        await sent

    async def _watch(self) -> None:
        """Tell what happens, of what comes from now on."""
        async with asyncio.TaskGroup() as group:
            for topic in (VENUE_REPORTS, CONTROL, ORDERS, POSITIONS):
                group.create_task(self._watch_one(topic))

    async def _watch_one(self, topic: Topic) -> None:
        async for message in self._follow(topic, begin=False):
            told = _told(message)
            if told is not None:
                sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
                sys.stdout.flush()

    async def _follow(self, topic: Topic, *, begin: bool) -> AsyncIterator[Message]:
        at = TopicPartition(topic.name, 0)
        ask = self._log.begin_offsets if begin else self._log.end_offsets
        offset, decoder = (await ask([at]))[at], topic.decoder()
        while True:
            for record in await self._log.read(*at, offset, max_records=500, wait_ms=_WAIT_MS):
                offset = record.offset + 1
                yield decoder.decode(record.value or b"")


def _signal(settings: Settings, frame: Frame, kind: SignalKind, price: float) -> Signal:
    score, config_hash = _SCORES[kind], settings.config_hash()
    return Signal(
        id=signal_id(frame.venue, frame.symbol, frame.close_ns, config_hash),
        account=settings.account.id, venue=frame.venue, symbol=frame.symbol,
        tick_ns=frame.close_ns, epoch=frame.epoch, seq=frame.seq, kind=kind, price=price,
        score=score, reliability=1.0, confidence=score / 100, strength=0.8, risk_fraction=0.01,
        long_threshold=68.0, short_threshold=35.0, contributions=(), config_hash=config_hash,
        reason="drill",
    )  # fmt: skip


def _told(message: Message) -> Told | None:
    """What of a record the drill waits for."""
    match message:
        case AccountReport(problems=(), balance=balance) if balance is not None:
            return Told("agrees", f"balance {balance}")
        case Halt(effective_ns=int()):
            return Told("halted", message.id)
        case Flatten(effective_ns=int()):
            return Told("flatten", message.id)
        case Flattened():
            return Told("flat", message.command_id)
        case Order(status=OrderStatus.REJECTED):
            return Told("refused", message.reason)
        case _:
            return None


async def _main(path: Path) -> None:
    settings = load_settings(path)
    opening = opening_of(settings)
    await opening.look()
    log = await open_log(settings.broker.url)
    store = ledger_of(settings)
    role = roles.execution(settings, store=store, open_desk=opening.desk)
    try:
        await log.ensure_topics(topic_specs(settings.broker))
        await log.ensure_topics(changelog_specs(role.changelogs()))
        await running.start_together([role])
        await Trader(settings, log).run(role)
    finally:
        await role.app.stop()
        await log.close()
        if store is not None:
            store.close()


if __name__ == "__main__":
    uvloop.run(_main(Path(sys.argv[1])))
