"""The desk between an account and its venue: sends what is durable, finds out what became of it.

Each order is tracked from its request until it ended and all its trades are here. Streams are fast,
looks by client id are sure: what a stream loses, a look finds. An order whose fate is unknown is
looked for until the venue shows it, or has not known it for longer than a request can live; it is
never sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import structlog

from agents.venues.ccxt_live.errors import CutShort, Fate, fate_of, is_not_found
from agents.venues.ccxt_live.seen import Gateway, Seen, SeenTrade
from agents.venues.ccxt_live.tracked import Tracked
from schemas.clock import monotonic_ns
from schemas.frame import NS_PER_S
from schemas.live_settings import LiveSettings
from schemas.order import Order, OrderStatus
from schemas.venue import (
    AccountReport,
    OrderReport,
    RequestKind,
    TradeReport,
    VenueReport,
    VenueRequest,
)

log = structlog.get_logger()

_TURN_S = 0.05
_SOON_S = 0.3
"""A stream is given so long to tell the trades of a fill before they are asked for."""
_UNREADY_S = 1.0
"""Distance of looks at the account while it does not converge, and after something ended."""
_BACKOFF_MAX_S = 5.0
_MISSES = 3


class Desk:
    """One process's hearing and sending for one account.

    ``run`` grows with each process (its start in wall ns). Reports gather until :meth:`drain`.
    ``ready`` tells whether the account has converged: until then the venue is looked at often.
    """

    def __init__(
        self,
        gateway: Gateway,
        settings: LiveSettings,
        *,
        account: str,
        symbols: Sequence[str],
        run: int,
        ready: Callable[[], bool],
    ) -> None:
        self._gateway = gateway
        self._settings = settings
        self._account = account
        self._symbols = tuple(symbols)
        self._run = run
        self._ready = ready
        self._number = 0
        self._reports: list[VenueReport] = []
        self._tracked: dict[str, Tracked] = {}
        self._by_venue_id: dict[str, Tracked] = {}
        self._problems: dict[str, None] = {}
        self._confirmed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._look_ns = 0
        self._arm_ns = 0
        self.heard = asyncio.Event()

    def begin(self, unsettled: Iterable[Order]) -> None:
        """Start: nothing may be decided before a look; orders without an answer come first."""
        self._account_report(problems=("starting: the venue was not looked at yet",))
        for order in unsettled:
            tracked = self._track(order)
            if order.status in {OrderStatus.INTENT, OrderStatus.SUBMITTED}:
                self._unknown(tracked, "a process before this one may have sent it")
            tracked.ask(monotonic_ns())
        self._spawn(self._turn_forever())
        self._spawn(self._forever(lambda: self._gateway.watch_orders(self._heard_order)))
        self._spawn(self._forever(lambda: self._gateway.watch_trades(self._heard_trade)))

    def drain(self) -> list[VenueReport]:
        """Reports since the last call, in order; they have no tick yet."""
        reports, self._reports = self._reports, []
        self.heard.clear()
        return reports

    def take(self, request: VenueRequest, *, fresh: bool) -> None:
        """Send a request whose step is durable. One that is not ``fresh`` was stored by a process
        before, which may have sent it: an order is then looked for, and not sent.
        """
        known = request.order.client_order_id in self._tracked
        tracked = self._track(request.order)
        if request.kind is not RequestKind.CREATE:
            self._spawn(self._change(tracked, request))
        elif fresh and not known:
            self._spawn(self._create(tracked))
        elif not known:
            tracked.ask(monotonic_ns())

    def stop_now(self) -> None:
        """End without finishing anything, as a killed process would."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """End; what was sent stays sent."""
        self.stop_now()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._gateway.close()

    async def _create(self, tracked: Tracked) -> None:
        async with tracked.turn:
            tracked.asked_ns = monotonic_ns()
            self._order_report(tracked, OrderStatus.SUBMITTED, None)
            try:
                seen = await self._within(self._gateway.create(tracked.order))
            except Exception as error:  # noqa: BLE001 - any error leaves the fate to be found out
                self._not_created(tracked, error)
                return
            if seen.venue_id:
                self._note(tracked, seen)
            else:
                self._unknown(tracked, "the venue answered without an id")

    def _not_created(self, tracked: Tracked, error: Exception) -> None:
        said = self._gateway.describe(error)
        fate = fate_of(error)
        if fate is Fate.UNKNOWN:
            self._unknown(tracked, said)
            return
        if fate is Fate.HALT:
            self._problems[said] = None
            self._look_ns = 0
        self._order_report(tracked, OrderStatus.REJECTED, Decimal(0), reason=f"venue: {said}")
        self._forget(tracked)

    def _unknown(self, tracked: Tracked, said: str) -> None:
        log.warning("live.unknown", order=tracked.order.client_order_id, said=said)
        self._order_report(tracked, OrderStatus.UNKNOWN, None, reason=said)
        tracked.asked_ns = monotonic_ns()  # it may have left just now
        tracked.ask(tracked.asked_ns)

    async def _change(self, tracked: Tracked, request: VenueRequest) -> None:
        async with tracked.turn:
            try:
                if request.kind is RequestKind.CANCEL:
                    await self._within(self._gateway.cancel(tracked.order))
                else:
                    await self._within(self._gateway.amend(request, tracked.venue_id))
            except Exception as error:  # noqa: BLE001 - the look tells what became of it
                log.info("live.change", kind=request.kind.value, said=self._gateway.describe(error))
            tracked.answering = request.kind
            tracked.ask(monotonic_ns())

    async def _look(self, tracked: Tracked) -> None:
        """Ask for an order, and for its trades where some are missing."""
        async with tracked.turn:
            if tracked.order.client_order_id not in self._tracked:
                return
            try:
                seen = await self._within(self._gateway.look(tracked.order))
                if not seen.venue_id:  # an answer cut short says nothing
                    tracked.again(monotonic_ns(), at_most_s=_BACKOFF_MAX_S)
                    return
                self._note(tracked, seen)
                if tracked.lacks_trades():
                    ask = self._gateway.trades(tracked.order, tracked.venue_id)
                    for trade in await self._within(ask):
                        self._trade(tracked, trade)
            except Exception as error:  # noqa: BLE001 - asked again later
                self._missed(tracked, error)

    def _missed(self, tracked: Tracked, error: Exception) -> None:
        now_ns = monotonic_ns()
        if is_not_found(error) and not tracked.venue_id:
            tracked.misses += 1
            waited_s = (now_ns - tracked.asked_ns) / NS_PER_S
            if tracked.misses >= _MISSES and waited_s > self._settings.not_found_s:
                why = f"the venue does not know it after {waited_s:.1f} s: it never arrived"
                self._order_report(tracked, OrderStatus.REJECTED, Decimal(0), reason=why)
                self._forget(tracked)
                return
        tracked.again(now_ns, at_most_s=_BACKOFF_MAX_S)

    def _note(self, tracked: Tracked, seen: Seen) -> None:
        """Take what the venue shows of an order."""
        if seen.venue_id and seen.venue_id != tracked.venue_id:
            tracked.venue_id = seen.venue_id
            self._by_venue_id[seen.venue_id] = tracked
        answers, tracked.answering = tracked.answering, None
        if tracked.learns(seen) or answers is not None:
            self._order_report(
                tracked, seen.status, seen.filled_qty, answers=answers,
                terms={"qty": seen.qty, "price": seen.price, "stop_price": seen.stop_price},
            )  # fmt: skip
        now_ns = monotonic_ns()
        if tracked.lacks_trades():
            tracked.ask(now_ns + round(_SOON_S * NS_PER_S))
        elif tracked.is_settled():
            self._forget(tracked)
        else:
            tracked.rest(now_ns + round(self._settings.poll_s * NS_PER_S))

    def _heard_order(self, seen: Seen) -> None:
        tracked = self._tracked.get(seen.client_order_id)
        if tracked is None:
            return
        if tracked.is_conditional():
            tracked.ask(monotonic_ns())  # it may have become another order: a look tells
        else:
            answers, tracked.answering = tracked.answering, None
            self._note(tracked, seen)
            tracked.answering = answers

    def _heard_trade(self, trade: SeenTrade) -> None:
        tracked = self._by_venue_id.get(trade.order_id)
        if tracked is not None:
            self._trade(tracked, trade)

    def _trade(self, tracked: Tracked, trade: SeenTrade) -> None:
        if trade.trade_id in tracked.trades:
            return
        tracked.trades[trade.trade_id] = trade.qty
        order = tracked.order
        self._report(
            TradeReport(
                **self._head(order.symbol), client_order_id=order.client_order_id,
                trade_id=trade.trade_id, side=trade.side, price=trade.price, qty=trade.qty,
                fee=trade.fee, fee_currency=trade.fee_currency, maker=trade.maker,
            )
        )  # fmt: skip
        if tracked.is_settled():
            self._forget(tracked)
        elif not tracked.lacks_trades():
            tracked.ask(monotonic_ns() + round(_SOON_S * NS_PER_S))  # has it ended?

    async def _turn_forever(self) -> None:
        while True:
            now_ns = monotonic_ns()
            for tracked in [t for t in self._tracked.values() if t.is_due(now_ns)]:
                tracked.begun(now_ns)
                self._spawn(self._look(tracked))
            if now_ns >= self._look_ns:
                await self._look_at_all()
            if self._settings.dead_man_s and now_ns >= self._arm_ns:
                self._arm_ns = now_ns + round(self._settings.dead_man_s / 3 * NS_PER_S)
                self._spawn(self._quietly(self._arm()))
            await asyncio.sleep(_TURN_S)

    async def _arm(self) -> None:
        await self._gateway.arm(self._symbols, self._settings.dead_man_s)

    async def _look_at_all(self) -> None:
        """Compare: everything that was heard up to here is reported before the account is."""
        wait_s = self._settings.reconcile_s if self._ready() else _UNREADY_S
        self._look_ns = monotonic_ns() + round(wait_s * NS_PER_S)
        try:
            if not self._confirmed:
                problems = await _ours(self._gateway.confirm(self._symbols))
                self._problems = dict.fromkeys(problems)
                self._confirmed = not problems
            await asyncio.gather(*[self._look(t) for t in list(self._tracked.values())])
            shown = await self._within(self._gateway.account(self._symbols))
        except Exception as error:  # noqa: BLE001 - asked again at the next turn
            log.warning("live.look", said=self._gateway.describe(error))
            return
        self._account_report(
            problems=tuple(self._problems),
            balance=shown.balance,
            orders=shown.orders,
            positions=shown.positions,
        )

    async def _within(self, asking: Awaitable[Any]) -> Any:
        """Await a request for as long as the settings say."""
        return await _ours(asyncio.wait_for(asking, self._settings.timeout_s))

    async def _forever(self, watch: Callable[[], Awaitable[None]]) -> None:
        """Keep a stream: after each break all orders are looked at, as something may be missed."""
        wait_s = _SOON_S
        while True:
            began_ns = monotonic_ns()
            await self._quietly(watch())
            self._look_ns = 0
            lasted_s = (monotonic_ns() - began_ns) / NS_PER_S
            wait_s = _SOON_S if lasted_s > _BACKOFF_MAX_S else min(wait_s * 2, _BACKOFF_MAX_S)
            await asyncio.sleep(wait_s)

    async def _quietly(self, asking: Awaitable[None]) -> None:
        try:
            await _ours(asking)
        except Exception as error:  # noqa: BLE001 - what it is for is tried again
            log.info("live.stream", said=self._gateway.describe(error))

    def _track(self, order: Order) -> Tracked:
        return self._tracked.setdefault(order.client_order_id, Tracked(order))

    def _forget(self, tracked: Tracked) -> None:
        self._tracked.pop(tracked.order.client_order_id, None)
        self._by_venue_id.pop(tracked.venue_id, None)
        soon_ns = monotonic_ns() + round(_UNREADY_S * NS_PER_S)
        self._look_ns = min(self._look_ns, soon_ns)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        with contextlib.suppress(asyncio.CancelledError):
            error = task.exception()
            if error is not None:
                log.error("live.failed", said=self._gateway.describe(error))
                self._problems[f"desk: {type(error).__name__}: see the log"] = None

    def _head(self, symbol: str) -> dict[str, Any]:
        self._number += 1
        return {
            "account": self._account, "venue": self._settings.venue, "symbol": symbol,
            "run": self._run, "number": self._number, "effective_ns": None,
        }  # fmt: skip

    def _order_report(
        self,
        tracked: Tracked,
        status: OrderStatus,
        filled_qty: Decimal | None,
        *,
        reason: str = "",
        answers: RequestKind | None = None,
        terms: dict[str, Any] | None = None,
    ) -> None:
        order = tracked.order
        self._report(
            OrderReport(
                **self._head(order.symbol), client_order_id=order.client_order_id, status=status,
                filled_qty=filled_qty, reason=reason, answers=answers, **(terms or {}),
            )
        )  # fmt: skip

    def _account_report(self, **shown: Any) -> None:
        self._report(AccountReport(**self._head(""), **shown))

    def _report(self, report: VenueReport) -> None:
        self._reports.append(report)
        self.heard.set()


async def _ours(asking: Awaitable[Any]) -> Any:
    """Await; a cancellation that nobody here asked for is an error like others.

    Callers of ccxt share what it loads: where one is out of patience, all are cancelled, and
    a desk that took it for its own end would never look again.
    """
    try:
        return await asking
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise CutShort("cancelled together with another request") from error
