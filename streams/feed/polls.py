"""What has no stream is asked for regularly: open interest, long/short ratio, contract states."""

from __future__ import annotations

import asyncio

import msgspec
import structlog

from schemas.errors import RejectedInput, VenueUnavailable
from schemas.settings import FeedSettings
from streams.events import DerivativesEvent
from streams.exchanges.venue import Transport
from streams.feed.budget import Budget
from streams.feed.lines import Values
from streams.feed.receiver import Receiver

log = structlog.get_logger()


class Polls:
    """Asks for each kind of value once in ``poll_s``; symbol by symbol, evenly spread."""

    def __init__(
        self, receiver: Receiver, transport: Transport, budget: Budget, settings: FeedSettings
    ) -> None:
        self._receiver = receiver
        self._transport = transport
        self._budget = budget
        self._every_s = settings.poll_s

    async def run(self) -> None:
        """Until cancelled."""
        polls = self._receiver.venue.polls
        async with asyncio.TaskGroup() as group:
            for kind, of_all in polls.items():
                group.create_task(self._poll_all(kind) if of_all else self._poll_each(kind))

    async def _poll_all(self, kind: str) -> None:
        while True:
            symbols = [s for s in self._receiver.feeds if self._transport.tells(kind, s)]
            if symbols:
                await self._ask(kind, symbols[0], of_all=True)
            await asyncio.sleep(self._every_s)

    async def _poll_each(self, kind: str) -> None:
        while True:
            symbols = [s for s in self._receiver.feeds if self._transport.tells(kind, s)]
            for symbol in symbols:
                await self._ask(kind, symbol, of_all=False)
                await asyncio.sleep(self._every_s / len(symbols))
            if not symbols:
                await asyncio.sleep(self._every_s)

    async def _ask(self, kind: str, symbol: str, *, of_all: bool) -> None:
        receiver = self._receiver
        await self._budget.take(self._transport.weight(kind), spare=True)
        try:
            data = await self._transport.ask(kind, symbol)
            events = receiver.venue.recorded_parser().reply(kind, data)
        except VenueUnavailable as error:
            receiver.counters.add("refused_requests")
            log.warning("feed.refused", symbol=symbol, asked=kind, reason=str(error))
            return
        except RejectedInput as error:
            receiver.rejected(error, data, receiver.now())
            return
        market = self._transport.market(symbol)
        for event in events:
            if not isinstance(event, DerivativesEvent):
                continue
            feed = receiver.feed_of(market, event.symbol) if of_all else receiver.feeds[symbol]
            if feed is not None:
                receiver.tell(feed, Values(msgspec.structs.replace(event, symbol=None)))
