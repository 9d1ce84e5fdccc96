"""The risk engine: shows the rules an entry as it would leave the account, and the account itself.

Before every order that makes a position larger all rules are asked. Orders that make one smaller
are never refused: an account must always be able to leave.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

from agents.execution.account_state import AccountState
from agents.execution.orders import OPEN
from agents.execution.proposal import Exposure, Proposal
from agents.execution.rulebook import breach
from agents.execution.statistics import (
    Returns,
    Tail,
    correlation,
    drawdown,
    portfolio_returns,
    tail,
)
from agents.venues.paper import PaperVenue
from schemas.frame import Frame
from schemas.money import CONTEXT, decimal_of
from schemas.order import Order
from schemas.settings import Settings
from schemas.signal import Signal

ZERO = Decimal(0)
_DAY_S = 86_400.0


class Risk:
    """Asks the rules; the state is the caller's to keep."""

    def __init__(self, settings: Settings, *, venue: PaperVenue) -> None:
        self._limits = settings.risk
        self._protections = settings.protections
        self._max_open = settings.account.max_open_positions
        self._sectors = settings.overview.sectors
        self._venue = venue
        # Losses grow with the square root of time: from one sample to a day.
        self._to_day = math.sqrt(_DAY_S / settings.risk.sample_s)

    def observe(self, state: AccountState, frame: Frame, *, moved: bool) -> None:
        """Take a frame: time passes, its mid is heard, the equity may have changed."""
        risk = state.risk
        risk.pass_time(frame.close_ns, self._limits)
        mark = state.marks.get(frame.key)
        if mark is not None and frame.book is not None:
            risk.heard(frame.key, mark, frame.close_ns)
        if moved or risk.day < 0 or state.held_qty(frame.key):
            risk.observe(state.equity(), frame.close_ns, self._limits)

    def refusal(
        self, state: AccountState, frame: Frame, signal: Signal, order: Order, *, at_stop: Decimal
    ) -> str | None:
        """The breach that forbids an entry; ``at_stop`` is what one unit of it would lose."""
        return breach(self.proposal(state, frame, signal, order, at_stop=at_stop))

    def proposal(
        self, state: AccountState, frame: Frame, signal: Signal, order: Order, *, at_stop: Decimal
    ) -> Proposal:
        """What the rules are shown."""
        price = decimal_of(signal.price)
        equity = state.equity()
        if frame.close_ns // (10**9 * 86_400) > state.risk.day:
            state.risk.observe(equity, frame.close_ns, self._limits)
        held = self._quantities(state)
        before = held.pop(frame.key, ZERO)
        qty = CONTEXT.add(before, CONTEXT.multiply(order.qty, Decimal(order.side.value)))
        own = state.risk.returns.get(frame.key, [])[-self._limits.correlation_samples :]
        others = tuple(self._exposure(state, frame, key, held[key], own) for key in sorted(held))
        after = Exposure(
            frame.key, CONTEXT.multiply(qty, price), CONTEXT.multiply(abs(qty), at_stop)
        )
        return Proposal(
            now_ns=frame.close_ns,
            side=order.side,
            price=price,
            notional=CONTEXT.multiply(order.qty, price),
            equity=equity,
            after=after,
            limits=self._limits,
            protections=self._protections,
            max_open_positions=self._max_open,
            opens=not before,
            mid=state.marks.get(frame.key),
            range_fraction=_range(signal, price),
            stale=_stale(frame),
            others=others,
            sectors=self._sectors,
            tail=self._tail(state, (*others, after), equity),
            drawdown=drawdown(equity, state.risk.peak),
            daily_loss=drawdown(equity, state.risk.day_equity),
            halted=state.risk.halted,
            recent_orders=state.risk.recent_orders(frame.close_ns),
            trades=tuple(state.risk.trades),
        )

    def _quantities(self, state: AccountState) -> dict[str, Decimal]:
        """Signed quantities by symbol, entries on their way counted as filled."""
        held = {key: one.qty for key, one in state.ledger.holdings.items() if one.qty}
        for key, orders in self._venue.open_orders(state.venue).items():
            for order in orders:
                if order.leg == OPEN:
                    left = CONTEXT.subtract(order.qty, order.filled_qty)
                    signed = CONTEXT.multiply(left, Decimal(order.side.value))
                    held[key] = CONTEXT.add(held.get(key, ZERO), signed)
        return held

    def _exposure(
        self, state: AccountState, frame: Frame, key: str, qty: Decimal, own: Returns
    ) -> Exposure:
        mark, guard = state.marks.get(key, ZERO), state.guards.get(key)
        # Without a stop all of it is at risk.
        per_unit = mark if guard is None else guard.risk_per_unit(mark)
        risk = state.risk
        return Exposure(
            key=key,
            notional=CONTEXT.multiply(qty, mark),
            risk=CONTEXT.multiply(abs(qty), per_unit),
            correlation=correlation(
                own,
                risk.returns.get(key, [])[-self._limits.correlation_samples :],
                at_least=self._limits.samples_at_least,
            ),
            age_ns=frame.close_ns - risk.mid_ns.get(key, 0),
        )

    def _tail(
        self, state: AccountState, positions: tuple[Exposure, ...], equity: Decimal
    ) -> Tail | None:
        """Losses of a day as shares of the equity; ``None`` while a symbol's returns are few."""
        if equity <= 0:
            return None
        known: Mapping[str, Returns] = state.risk.returns
        weights = [float(CONTEXT.divide(p.notional, equity)) for p in positions]
        series = [known.get(p.key, []) for p in positions]
        found = tail(portfolio_returns(weights, series), at_least=self._limits.samples_at_least)
        return None if found is None else Tail(*(loss * self._to_day for loss in found))


def _range(signal: Signal, price: Decimal) -> Decimal | None:
    if signal.plan is None:
        return None
    return CONTEXT.divide(decimal_of(signal.plan.range_price), price)


def _stale(frame: Frame) -> tuple[str, ...]:
    lost = () if frame.book is not None and frame.quality.book_synced else ("unsynced",)
    return (*frame.quality.stale, *lost)
