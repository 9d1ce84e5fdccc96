"""From the share that a policy asks for to a notional that risk allows, every factor recorded."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from agents.execution.closed_trades import ClosedTrade
from agents.execution.kelly import kelly_fraction
from agents.execution.stop_plan import StopPlan, widest_fraction
from schemas.execution_settings import RiskProfile, SizingSettings, StopsSettings
from schemas.frame import Frame, Side
from schemas.money import CONTEXT, decimal_of
from schemas.order import Factor
from schemas.signal import Signal

ZERO = Decimal(0)
ONE = Decimal(1)

CAUTIOUS_FRACTION = Decimal("0.05")
"""Cap of a position under the cautious profile, as the specification of execution has it."""


class Means(msgspec.Struct, frozen=True):
    """What the size is measured against, at the moment of the signal."""

    balance: Decimal
    available: Decimal
    trades: Sequence[ClosedTrade]


class PositionSize:
    """Notional of an entry: the policy's share, less where volatility, risk or liquidity say so.

    ``notional = min(available · share · volatility, profile cap, risk cap, liquidity cap)`` with

    - volatility: ``usual range / range`` of 5 minutes within [floor, 1]; 1 while it is unknown;
    - risk cap: ``balance · r / widest stop``, ``r`` the least of the risk per trade of the
      settings, of the signal (1% times reliability) and Kelly's. It is the widest stop that a score
      can give, so that a higher score never makes a position smaller;
    - liquidity cap: a share of the shown quantity that the order would take from;
    - profile cap: 5% of the balance where the profile is cautious.

    The initial size, ``balance · risk of the signal / stop``, is recorded and nothing more.
    """

    def __init__(self, sizing: SizingSettings, stops: StopsSettings) -> None:
        self._sizing = sizing
        self._stops = stops

    def notional(
        self, signal: Signal, *, share: Decimal, plan: StopPlan, means: Means, frame: Frame
    ) -> tuple[Decimal, tuple[Factor, ...]]:
        """Notional in account currency, at least 0, and the factors that made it."""
        chosen, price = self._sizing, decimal_of(signal.price)
        asked = decimal_of(signal.risk_fraction)
        initial = CONTEXT.divide(CONTEXT.multiply(means.balance, asked), plan.stop_fraction)
        volatility = self._volatility(signal)
        kelly = kelly_fraction(means.trades, chosen)
        risk = min(chosen.risk_fraction, asked, kelly)
        widest = widest_fraction(signal, self._stops)
        caps = [
            ("risk_cap", CONTEXT.divide(CONTEXT.multiply(means.balance, risk), widest)),
            ("liquidity_cap", CONTEXT.multiply(self._shown(frame, plan.side), price)),
        ]
        if chosen.profile is RiskProfile.CAUTIOUS:
            caps.append(("profile_cap", CONTEXT.multiply(means.balance, CAUTIOUS_FRACTION)))
        wanted = CONTEXT.multiply(CONTEXT.multiply(means.available, share), volatility)
        notional = min(wanted, *(cap for _, cap in caps))
        return max(notional, ZERO), (
            Factor("balance", means.balance),
            Factor("available", means.available),
            Factor("signal_risk_fraction", asked),
            Factor("stop_fraction", plan.stop_fraction),
            Factor("initial_notional", initial),
            Factor("volatility", volatility),
            Factor("kelly_fraction", kelly),
            Factor("risk_fraction", risk),
            Factor("widest_stop_fraction", widest),
            *(Factor(name, cap) for name, cap in caps),
            Factor("notional", max(notional, ZERO)),
            Factor("price", price),
        )

    def _volatility(self, signal: Signal) -> Decimal:
        if signal.plan is None or signal.plan.range_price <= 0:
            return ONE
        span = CONTEXT.divide(decimal_of(signal.plan.range_price), decimal_of(signal.price))
        usual = CONTEXT.divide(self._sizing.usual_range_fraction, span)
        return max(min(usual, ONE), self._sizing.volatility_floor)

    def _shown(self, frame: Frame, side: Side) -> Decimal:
        book = frame.book
        if book is None:
            return ZERO
        levels = book.ask_qty if side is Side.BUY else book.bid_qty
        shown = frame.qty(sum(levels))  # ints
        return CONTEXT.multiply(shown, self._sizing.liquidity_share)
