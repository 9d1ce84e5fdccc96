"""From a signal to the order that opens its position, or the record of why there is none."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from agents.execution.account_state import AccountState
from agents.execution.orders import OPEN, Wish, new_order
from agents.execution.position_size import Means, PositionSize
from agents.execution.risk import Risk
from agents.execution.sizing import policy_of
from agents.execution.stop_plan import StopPlan, stop_plan
from agents.venues.age import too_old
from schemas.frame import Frame
from schemas.money import CONTEXT, decimal_of, floor_to_step
from schemas.order import Factor, Order, OrderStatus
from schemas.settings import Settings
from schemas.signal import Signal

ZERO = Decimal(0)


class Entries:
    """Sizes entries and asks the risk engine; the state is the caller's to keep."""

    def __init__(self, settings: Settings, *, account: str, risk: Risk) -> None:
        self._account = account
        self._stops = settings.stops
        self._policy = policy_of(settings.sizing)
        self._size = PositionSize(settings.sizing, settings.stops)
        self._risk = risk
        self._max_age_s = settings.live.max_decision_age_s if settings.live.enabled else 0.0

    def order(self, state: AccountState, frame: Frame, signal: Signal) -> Order:
        """The entry; its stop plan is kept for when it fills."""
        plan = stop_plan(signal, self._stops)
        order = self._sized(state, frame, signal, plan)
        if order.status is OrderStatus.REJECTED:
            return order
        at_stop = CONTEXT.multiply(decimal_of(signal.price), plan.stop_fraction)
        refused = self._risk.refusal(state, frame, signal, order, at_stop=at_stop)
        if refused is not None:
            return msgspec.structs.replace(order, status=OrderStatus.REJECTED, reason=refused)
        state.plans[frame.key] = plan
        return order

    def _sized(self, state: AccountState, frame: Frame, signal: Signal, plan: StopPlan) -> Order:
        share, shares = self._policy.fraction(signal)
        means = Means(state.ledger.balance, state.ledger.available(), state.risk.trades)
        notional, factors = self._size.notional(
            signal, share=share, plan=plan, means=means, frame=frame
        )
        price, step = decimal_of(signal.price), state.qty_step(frame)
        qty = floor_to_step(CONTEXT.divide(notional, price), step)
        return new_order(
            self._account,
            frame,
            Wish(
                signal_id=signal.id,
                leg=OPEN,
                side=plan.side,
                qty=qty,
                reason=signal.reason,
                factors=(*shares, *factors, Factor("qty", qty)),
            ),
            # A turn's entry waits for its exit: over a fall of role and feed that may be hours.
            rejected=too_old(signal.tick_ns, frame.close_ns, limit_s=self._max_age_s)
            or _too_small(state, frame, qty, notional, price),
        )


def _too_small(
    state: AccountState, frame: Frame, qty: Decimal, notional: Decimal, price: Decimal
) -> str | None:
    rules, step = state.rules_of(frame), state.qty_step(frame)
    least = ZERO if rules is None else rules.min_notional
    if qty <= 0:
        return f"size: {notional} buys less than one step of {step} at {price}"
    if CONTEXT.multiply(qty, price) < least:
        return f"min_notional: limit {least}, order {CONTEXT.multiply(qty, price)}"
    return None
