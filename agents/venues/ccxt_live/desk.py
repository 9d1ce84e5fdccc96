"""The desk between an account and its venue: sends what is durable, finds out what became of it.

Each order is tracked from its request until it ended and all its trades are here. Streams are fast,
looks by client id are sure: what a stream loses, a look finds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import structlog

from agents.venues.ccxt_live.asking import ours
from agents.venues.ccxt_live.order_tracker import OrderTracker
from agents.venues.ccxt_live.outbox import Outbox
from agents.venues.ccxt_live.seen import Gateway
from schemas.clock import monotonic_ns, now_ns
from schemas.frame import NS_PER_S
from schemas.live_settings import LiveSettings
from schemas.order import Order, OrderStatus
from schemas.venue import RequestKind, VenueReport, VenueRequest

log = structlog.get_logger()

_TURN_S = 0.05
_SOON_S = 1.0
"""After something ended, or while account and venue do not agree, for the first times."""
_APART_S = 5.0
"""Least distance of looks at the whole account, which cost Binance's 90 of some 1,200 a minute."""
_RECONNECT_S = 0.3
_RECONNECT_MAX_S = 5.0
NOT_SEEN = "the venue could not be looked at twice in a row; see the log of the role"
_MISSED_MOST = 2
_TOLD_AGAIN_S = 0.5


class Desk:
    """One process's hearing and sending for one account.

    ``run`` grows with each process (its start in wall ns). Reports gather until :meth:`drain`.
    ``ready`` tells whether the account has converged: until then the venue is looked at often.
    ``clock`` is the one that ticks are of (UTC ns): what is to open must be young by it.
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
        clock: Callable[[], int] = now_ns,
    ) -> None:
        self._gateway = gateway
        self._settings = settings
        self._symbols = tuple(symbols)
        self._ready = ready
        self._outbox = Outbox(account=account, venue=settings.venue, run=run)
        self._orders = OrderTracker(
            gateway, settings, self._outbox, halted=self._halt, ended=self._look_soon, clock=clock
        )
        self._problems: dict[str, None] = {}
        self._confirmed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._look_ns = 0
        self._earliest_ns = 0
        self._unready_s = _SOON_S
        self._missed = 0
        self._arm_ns = 0
        self._funding_ns = 0
        self._paid: dict[str, int] = {}

    @property
    def heard(self) -> asyncio.Event:
        """Set while there are reports to be drained."""
        return self._outbox.heard

    def begin(self, unsettled: Iterable[Order]) -> None:
        """Start: nothing may be decided before a look; orders without an answer come first."""
        self._outbox.account(problems=("starting: the venue was not looked at yet",))
        for order in unsettled:
            tracked = self._orders.track(order)
            if order.status in {OrderStatus.INTENT, OrderStatus.SUBMITTED}:
                self._orders.unknown(tracked, "a process before this one may have sent it")
            tracked.ask(monotonic_ns())
        self._spawn(self._turn_forever())
        self._spawn(self._forever(lambda: self._gateway.watch_orders(self._orders.heard_order)))
        self._spawn(self._forever(lambda: self._gateway.watch_trades(self._orders.heard_trade)))

    def drain(self) -> list[VenueReport]:
        """Reports since the last call, in order; they have no tick yet."""
        return self._outbox.drain()

    def take(self, request: VenueRequest, *, fresh: bool) -> None:
        """Send a request whose step is durable. One that is not ``fresh`` was stored by a process
        before, which may have sent it: an order is then looked for, and not sent.
        """
        known = request.order.client_order_id in self._orders
        tracked = self._orders.track(request.order)
        if request.kind is not RequestKind.CREATE:
            self._spawn(self._orders.change(tracked, request))
        elif fresh and not known:
            self._spawn(self._orders.create(tracked))
        elif not known:
            tracked.ask(monotonic_ns())

    def stop_now(self) -> None:
        """End without finishing anything, as a killed process would."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """End; what was sent stays sent."""
        while self._tasks:
            # More than once: a library may lose a cancellation that comes together with what it
            # waited for, as asyncio.wait_for does up to Python 3.11.
            self.stop_now()
            await asyncio.wait(self._tasks, timeout=_TOLD_AGAIN_S)
        await self._gateway.close()

    async def _turn_forever(self) -> None:
        while True:
            now_ns = monotonic_ns()
            for tracked in self._orders.due(now_ns):
                self._spawn(self._orders.look(tracked))
            if now_ns >= self._look_ns:
                await self._look_at_all()
            if self._settings.dead_man_s and now_ns >= self._arm_ns:
                self._arm_ns = now_ns + round(self._settings.dead_man_s / 3 * NS_PER_S)
                self._spawn(self._arm())
            if now_ns >= self._funding_ns:
                self._funding_ns = now_ns + round(self._settings.funding_s * NS_PER_S)
                self._spawn(self._look_at_fundings())
            await asyncio.sleep(_TURN_S)

    async def _look_at_fundings(self) -> None:
        """Report payments that are newer than those reported of their symbol."""
        try:
            payments = await ours(self._gateway.fundings(self._symbols))
        except Exception as error:  # noqa: BLE001 - asked again later
            log.warning("live.funding", said=self._gateway.describe(error))
            return
        for payment in payments:
            if payment.time_ns > self._paid.get(payment.symbol, -1):
                self._paid[payment.symbol] = payment.time_ns
                self._outbox.funding(payment)

    async def _arm(self) -> None:
        """Wind the dead-man switch up. Where that fails people must know, and it is tried again."""
        arming = self._gateway.arm(self._symbols, self._settings.dead_man_s)
        try:
            await ours(arming)
        except Exception as error:  # noqa: BLE001 - tried again
            log.warning("live.dead_man", said=self._gateway.describe(error))
            self._arm_ns = min(self._arm_ns, monotonic_ns() + NS_PER_S)

    async def _look_at_all(self) -> None:
        """Compare: everything that was heard up to here is reported before the account is."""
        apart_s = min(_APART_S, self._settings.reconcile_s)
        if self._ready():
            self._unready_s, wait_s = _SOON_S, self._settings.reconcile_s
        else:
            wait_s = min(self._unready_s, apart_s)
            self._unready_s *= 2
        now_ns = monotonic_ns()
        self._look_ns = now_ns + round(wait_s * NS_PER_S)
        self._earliest_ns = now_ns + round(min(wait_s, apart_s) * NS_PER_S)
        try:
            if not self._confirmed:
                problems = await ours(self._gateway.confirm(self._symbols))
                self._problems = dict.fromkeys(problems)
                self._confirmed = not problems
            await asyncio.gather(*[self._orders.look(t) for t in self._orders.all()])
            shown = await ours(self._gateway.account(self._symbols))
        except Exception as error:  # noqa: BLE001 - asked again at the next turn
            log.warning("live.look", said=self._gateway.describe(error))
            self._missed += 1
            if self._missed == _MISSED_MOST:
                self._outbox.account(problems=(NOT_SEEN,))
            return
        self._missed = 0
        self._outbox.account(
            problems=tuple(self._problems),
            balance=shown.balance,
            orders=shown.orders,
            positions=shown.positions,
        )

    async def _forever(self, watch: Callable[[], Awaitable[None]]) -> None:
        """Keep a stream: after each break all orders are looked at, as something may be missed."""
        wait_s = _RECONNECT_S
        while True:
            began_ns = monotonic_ns()
            await self._quietly(watch())
            self._look_soon()
            lasted_s = (monotonic_ns() - began_ns) / NS_PER_S
            fresh = lasted_s > _RECONNECT_MAX_S
            wait_s = _RECONNECT_S if fresh else min(wait_s * 2, _RECONNECT_MAX_S)
            await asyncio.sleep(wait_s)

    async def _quietly(self, asking: Awaitable[None]) -> None:
        try:
            await ours(asking)
        except Exception as error:  # noqa: BLE001 - what it is for is tried again
            log.info("live.stream", said=self._gateway.describe(error))

    def _halt(self, why: str) -> None:
        self._problems[why] = None
        self._look_soon()

    def _look_soon(self) -> None:
        soon_ns = monotonic_ns() + round(_SOON_S * NS_PER_S)
        self._look_ns = min(self._look_ns, max(soon_ns, self._earliest_ns))

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
