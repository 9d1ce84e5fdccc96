"""Orders under way at a venue: what became of each.

An order whose fate is unknown is looked for until the venue shows it, or has not known it for
longer than a request can live; it is never sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import structlog

from agents.venues.age import too_old
from agents.venues.ccxt_live.asking import ours
from agents.venues.ccxt_live.errors import Fate, fate_of, is_not_found
from agents.venues.ccxt_live.outbox import Outbox
from agents.venues.ccxt_live.seen import Gateway, Seen, SeenTrade
from agents.venues.ccxt_live.tracked import Tracked
from agents.venues.fees import FeeIn, fee_in
from schemas.clock import monotonic_ns, now_ns
from schemas.frame import NS_PER_S
from schemas.live_settings import LiveSettings
from schemas.order import Order, OrderStatus
from schemas.venue import RequestKind, VenueRequest

log = structlog.get_logger()

_SOON_S = 0.3
"""A stream is given so long to tell the trades of a fill before they are asked for."""
_BACKOFF_MAX_S = 5.0
_MISSES = 3


class OrderTracker:
    """Sends requests about orders, and follows each order until nothing more can come of it.

    ``halted`` is told why nothing more will be taken until a person has mended it, ``ended`` that
    an order is followed no more. ``clock`` is that of ticks, in UTC ns.
    """

    def __init__(
        self,
        gateway: Gateway,
        settings: LiveSettings,
        outbox: Outbox,
        *,
        halted: Callable[[str], None],
        ended: Callable[[], None],
        clock: Callable[[], int] = now_ns,
    ) -> None:
        self._gateway = gateway
        self._settings = settings
        self._outbox = outbox
        self._halted = halted
        self._ended = ended
        self._clock = clock
        self._tracked: dict[str, Tracked] = {}
        self._by_venue_id: dict[str, Tracked] = {}

    def __contains__(self, client_order_id: str) -> bool:
        return client_order_id in self._tracked

    def all(self) -> list[Tracked]:
        """Every order that is followed."""
        return list(self._tracked.values())

    def due(self, now_ns: int) -> list[Tracked]:
        """Orders to be looked at now; each counts as being looked at."""
        due = [tracked for tracked in self._tracked.values() if tracked.is_due(now_ns)]
        for tracked in due:
            tracked.begun(now_ns)
        return due

    def track(self, order: Order) -> Tracked:
        """Follow an order from now on; the one that is followed already, if it is."""
        return self._tracked.setdefault(order.client_order_id, Tracked(order))

    async def create(self, tracked: Tracked) -> None:
        """Send an order that was never sent; one that opens or adds only while it is young.

        What may have been sent before does not come here, however old it is by now: it is looked
        for, as one that was refused and is there would be lost.
        """
        async with tracked.turn:
            why = self._too_old(tracked.order)
            if why is not None:
                log.warning("live.too_old", order=tracked.order.client_order_id, said=why)
                self._reject(tracked, why)
                return
            tracked.asked_ns = monotonic_ns()
            self._outbox.order(tracked.order, OrderStatus.SUBMITTED, None)
            try:
                seen = await ours(self._gateway.create(tracked.order))
            except Exception as error:  # noqa: BLE001 - any error leaves the fate to be found out
                self._not_created(tracked, error)
                return
            if seen.venue_id:
                self._note(tracked, seen)
            else:
                self.unknown(tracked, "the venue answered without an id")

    def _too_old(self, order: Order) -> str | None:
        if order.reduce_only:
            return None
        limit_s = self._settings.max_decision_age_s
        return too_old(order.tick_ns, self._clock(), limit_s=limit_s)

    def _not_created(self, tracked: Tracked, error: Exception) -> None:
        said = self._gateway.describe(error)
        fate = fate_of(error)
        if fate is Fate.HALT:
            self._halted(said)
        if fate is Fate.UNKNOWN or tracked.status is not None:
            self.unknown(tracked, said)
            return
        self._reject(tracked, f"venue: {said}")

    def unknown(self, tracked: Tracked, said: str) -> None:
        """Nobody knows, unless a stream was quicker than the reply: a look tells in any case."""
        log.warning("live.unknown", order=tracked.order.client_order_id, said=said)
        if tracked.status is None:
            self._outbox.order(tracked.order, OrderStatus.UNKNOWN, None, reason=said)
        tracked.asked_ns = monotonic_ns()  # it may have left just now
        tracked.ask(tracked.asked_ns)

    async def change(self, tracked: Tracked, request: VenueRequest) -> None:
        async with tracked.turn:
            try:
                if request.kind is RequestKind.CANCEL:
                    await ours(self._gateway.cancel(tracked.order))
                else:
                    await ours(self._gateway.amend(request, tracked.venue_id))
            except Exception as error:  # noqa: BLE001 - the look tells what became of it
                said = self._gateway.describe(error)
                log.info("live.change", kind=request.kind.value, said=said)
                if fate_of(error) is not Fate.UNKNOWN and request.kind is RequestKind.AMEND:
                    tracked.refused = f"not amended: {said}"
            tracked.answering = request.kind
            tracked.ask(monotonic_ns())

    async def look(self, tracked: Tracked) -> None:
        """Ask for an order, and for its trades where some are missing."""
        async with tracked.turn:
            if tracked.order.client_order_id not in self._tracked:
                return
            try:
                seen = await ours(self._gateway.look(tracked.order))
                if not seen.venue_id:  # an answer cut short says nothing
                    tracked.again(monotonic_ns(), at_most_s=_BACKOFF_MAX_S)
                    return
                self._note(tracked, seen)
                if tracked.lacks_trades():
                    ask = self._gateway.trades(tracked.order, tracked.venue_id)
                    for trade in await ours(ask):
                        self._trade(tracked, await self._valued(tracked, trade))
            except Exception as error:  # noqa: BLE001 - asked again later
                self._missed(tracked, error)

    def _missed(self, tracked: Tracked, error: Exception) -> None:
        now_ns = monotonic_ns()
        if is_not_found(error) and not tracked.venue_id:
            tracked.misses += 1
            waited_s = (now_ns - tracked.asked_ns) / NS_PER_S
            if tracked.misses >= _MISSES and waited_s > self._settings.not_found_s:
                why = f"the venue does not know it after {waited_s:.1f} s: it never arrived"
                self._reject(tracked, why)
                return
        tracked.again(now_ns, at_most_s=_BACKOFF_MAX_S)

    def _note(self, tracked: Tracked, seen: Seen) -> None:
        """Take what the venue shows of an order."""
        if seen.venue_id and seen.venue_id != tracked.venue_id:
            tracked.venue_id = seen.venue_id
            self._by_venue_id[seen.venue_id] = tracked
        answers, tracked.answering = tracked.answering, None
        if tracked.learns(seen) or answers is not None:
            reason, tracked.refused = (tracked.refused, "") if answers else ("", tracked.refused)
            self._outbox.order(
                tracked.order, seen.status, seen.filled_qty, reason=reason, answers=answers,
                terms={"qty": seen.qty, "price": seen.price, "stop_price": seen.stop_price},
            )  # fmt: skip
        now_ns = monotonic_ns()
        if tracked.lacks_trades():
            tracked.ask(now_ns + round(_SOON_S * NS_PER_S))
        elif tracked.is_settled():
            self._forget(tracked)
        else:
            tracked.rest(now_ns + round(self._settings.poll_s * NS_PER_S))

    def heard_order(self, seen: Seen) -> None:
        tracked = self._tracked.get(seen.client_order_id)
        if tracked is None:
            return
        if tracked.is_conditional():
            tracked.ask(monotonic_ns())  # it may have become another order: a look tells
        else:
            answers, tracked.answering = tracked.answering, None
            self._note(tracked, seen)
            tracked.answering = answers

    def heard_trade(self, trade: SeenTrade) -> None:
        tracked = self._by_venue_id.get(trade.order_id)
        if tracked is None:
            return
        if self._fee_of(tracked, trade) is FeeIn.OTHER:
            tracked.ask(monotonic_ns())  # a look asks for the price of the fee's coin, too
        else:
            self._trade(tracked, trade)

    def _fee_of(self, tracked: Tracked, trade: SeenTrade) -> FeeIn:
        return fee_in(
            trade.fee_currency if trade.fee else self._settings.currency,
            account_currency=self._settings.currency, symbol=tracked.order.symbol, side=trade.side,
        )  # fmt: skip

    async def _valued(self, tracked: Tracked, trade: SeenTrade) -> SeenTrade:
        """A trade with the price of its fee's coin, where that is another one."""
        if trade.trade_id in tracked.trades or self._fee_of(tracked, trade) is not FeeIn.OTHER:
            return trade
        price = await ours(self._gateway.price_of(trade.fee_currency))
        return trade._replace(fee_rate=price)

    def _trade(self, tracked: Tracked, trade: SeenTrade) -> None:
        if trade.trade_id in tracked.trades:
            return
        tracked.trades[trade.trade_id] = trade.qty
        self._outbox.trade(tracked.order, trade)
        if tracked.is_settled():
            self._forget(tracked)
        elif not tracked.lacks_trades():
            tracked.ask(monotonic_ns() + round(_SOON_S * NS_PER_S))  # has it ended?

    def _reject(self, tracked: Tracked, why: str) -> None:
        self._outbox.order(tracked.order, OrderStatus.REJECTED, Decimal(0), reason=why)
        self._forget(tracked)

    def _forget(self, tracked: Tracked) -> None:
        self._tracked.pop(tracked.order.client_order_id, None)
        self._by_venue_id.pop(tracked.venue_id, None)
        self._ended()
