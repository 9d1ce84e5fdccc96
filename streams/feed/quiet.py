"""Tells dead channels from quiet ones, on connections that are alive."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from schemas.errors import RejectedInput, VenueUnavailable
from schemas.frame import NS_PER_S
from streams.events import BookSnapshot, FeedEvent, TradeEvent
from streams.exchanges.venue import Transport
from streams.feed.budget import Budget
from streams.feed.receiver import Receiver
from streams.feed.recovery import Recovery
from streams.feed.symbol_feed import SymbolFeed
from streams.symbol_state import HEARD

log = structlog.get_logger()

_LOOK_S = 0.5
_GRACE_S = 0.5
"""What a reply tells may be on its way on the stream too."""
_MOST_PATIENCE = 32


@dataclass
class _Watch:
    """``since_ns`` is when the channel was last heard, or last looked into."""

    since_ns: int = 0
    patience: int = 1


class QuietChannels:
    """Looks into every channel of a symbol that says nothing for ``quiet_s``.

    Books and tapes are compared with what the venue answers to a request, best prices with the
    book; mark prices never rest. A channel that missed something is dead: it is subscribed anew.
    Otherwise patience doubles until it is heard again, so that quiet symbols cost few requests.
    Liquidations may be quiet for days: of them only the connection is watched.
    """

    def __init__(
        self,
        receiver: Receiver,
        transport: Transport,
        budget: Budget,
        recovery: Recovery,
        *,
        channels: Mapping[str, set[str]],
        quiet_s: float,
    ) -> None:
        self._receiver = receiver
        self._transport = transport
        self._budget = budget
        self._recovery = recovery
        self._channels = channels
        self._quiet_ns = quiet_s * NS_PER_S
        self._watches: dict[tuple[str, str], _Watch] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            for feed in self._receiver.feeds.values():
                for channel in HEARD:
                    if channel in self._channels[feed.symbol] and self._is_due(feed, channel):
                        await self._look_into(feed, channel)
            await asyncio.sleep(_LOOK_S)

    def _is_due(self, feed: SymbolFeed, channel: str) -> bool:
        state, now_ns = feed.framer.state, self._receiver.now()
        watch = self._watches.setdefault((feed.symbol, channel), _Watch())
        if channel in state.down:
            watch.since_ns = now_ns
        elif state.heard_ns[channel] > watch.since_ns:
            watch.since_ns, watch.patience = state.heard_ns[channel], 1
        elif now_ns - watch.since_ns > self._quiet_ns * watch.patience:
            watch.since_ns = now_ns
            watch.patience = min(2 * watch.patience, _MOST_PATIENCE)
            return True
        return False

    async def _look_into(self, feed: SymbolFeed, channel: str) -> None:
        state = feed.framer.state
        heard_ns = state.heard_ns[channel]
        try:
            if not await self._missed(feed, channel):
                return
            await asyncio.sleep(_GRACE_S)
            if state.heard_ns[channel] != heard_ns or channel in state.down:
                return
            self._receiver.counters.add("dead_channels")
            log.warning("feed.dead_channel", symbol=feed.key, channel=channel)
            await self._recovery.renew(feed, channel)
        except VenueUnavailable as error:
            self._receiver.counters.add("refused_requests")
            log.warning("feed.refused", symbol=feed.key, asked=channel, reason=str(error))

    async def _missed(self, feed: SymbolFeed, channel: str) -> bool:
        """Whether there is something that the channel did not tell."""
        state = feed.framer.state
        match channel:
            case "book":
                return state.depth.synced and any(
                    isinstance(event, BookSnapshot) and not state.shows(event)
                    for event in await self._ask(feed, "book")
                )
            case "trades":
                return any(
                    isinstance(event, TradeEvent)
                    and event.exchange_ns > state.started_ns
                    and not state.tape.knows(event)
                    for event in await self._ask(feed, "trades")
                )
            case "touch":
                return state.touch_contradicted
            case _:
                return True

    async def _ask(self, feed: SymbolFeed, kind: str) -> tuple[FeedEvent, ...]:
        await self._budget.take(self._transport.weight(kind), spare=True)
        last_id = feed.framer.state.tape.last_id
        from_id = None if kind != "trades" or last_id is None else last_id + 1
        data = await self._transport.ask(kind, feed.symbol, from_id=from_id)
        try:
            return self._receiver.venue.recorded_parser().reply(kind, data)
        except RejectedInput as error:
            self._receiver.rejected(error, data, self._receiver.now())
            return ()
