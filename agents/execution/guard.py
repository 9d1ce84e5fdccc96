"""The guard of an open position: where its stop is now, and when it has been open for too long."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import msgspec

from agents.execution.stop_plan import StopPlan
from schemas.execution_settings import StopsSettings
from schemas.frame import NS_PER_S, Side
from schemas.money import CONTEXT

ZERO = Decimal(0)
ONE = Decimal(1)
_BPS = Decimal(10_000)


class Target(msgspec.Struct):
    """A partial take-profit that was not filled yet. ``order_id`` is that of its latest attempt."""

    number: int
    price: Decimal
    qty: Decimal
    order_id: str = ""
    attempts: int = 0


class Guard(msgspec.Struct):
    """What protects one position. ``distance`` is the stop's first distance, in units of price.

    ``best`` is the best mid since the entry; ``stop`` only ever moves in the position's favour.
    ``failed`` counts placings of the stop since one last came to rest.
    ``leaving`` says that its close is under way, ``why`` what for: nothing is placed any more.
    """

    signal_id: str
    side: Side
    opened_ns: int
    entry: Decimal
    distance: Decimal
    best: Decimal
    stop: Decimal
    targets: list[Target]
    stop_id: str = ""
    attempts: int = 0
    failed: int = 0
    leaving: str = ""
    why: str = ""

    def risk_per_unit(self, mark: Decimal) -> Decimal:
        """What one unit loses from the mark to the stop; 0 once the stop is beyond the mark."""
        lost = CONTEXT.multiply(CONTEXT.subtract(mark, self.stop), Decimal(self.side.value))
        return max(lost, ZERO)

    def resume(self, before: Guard) -> None:
        """Take over what was placed for a smaller part of the same entry; no stop falls back."""
        self.opened_ns = before.opened_ns
        self.leaving, self.why = before.leaving, before.why
        self.stop_id, self.attempts = before.stop_id, before.attempts
        self.failed = before.failed
        if before.stop_id:
            better = max if self.side is Side.BUY else min
            self.best, self.stop = better(self.best, before.best), better(self.stop, before.stop)


def guard_of(
    plan: StopPlan, *, entry: Decimal, qty: Decimal, opened_ns: int, settings: StopsSettings
) -> Guard:
    """The guard of a position that was opened at ``entry``, prices not yet on the tick.

    Each target takes its share of ``qty``; where all shares come to 1, the last takes what is left.
    A target at or below 0 is left out.
    """
    toward = Decimal(plan.side.value)
    distance = CONTEXT.multiply(entry, plan.stop_fraction)
    targets = []
    pairs = zip(plan.target_fractions, settings.target_shares, strict=False)
    for number, (fraction, share) in enumerate(pairs, start=1):
        away = CONTEXT.multiply(CONTEXT.multiply(entry, fraction), toward)
        price = CONTEXT.add(entry, away)
        if price > 0:
            targets.append(Target(number, price, CONTEXT.multiply(qty, share)))
    stop = CONTEXT.subtract(entry, CONTEXT.multiply(distance, toward))
    return Guard(plan.signal_id, plan.side, opened_ns, entry, distance, entry, stop, targets)


def moved_stop(guard: Guard, mid: Decimal, settings: StopsSettings) -> Decimal:
    """The stop after a mid: break-even, then trailing; never against the position.

    With ``gain = (best − entry) / distance``: from ``break_even_ratio`` on the stop is at least at
    the entry and the fees beyond; from ``trail_from_ratio`` on it is ``trail_ratio`` distances
    behind the best price, moved only by steps of ``trail_step_ratio`` distances.
    """
    toward = Decimal(guard.side.value)
    better = max if guard.side is Side.BUY else min
    guard.best = better(guard.best, mid)
    gain = CONTEXT.multiply(CONTEXT.subtract(guard.best, guard.entry), toward)
    stop = guard.stop
    if gain >= CONTEXT.multiply(guard.distance, settings.break_even_ratio):
        beyond = CONTEXT.multiply(CONTEXT.divide(settings.break_even_bps, _BPS), toward)
        even = CONTEXT.multiply(guard.entry, CONTEXT.add(ONE, beyond))
        # Never at or beyond the market: it would be hit at once.
        if CONTEXT.multiply(CONTEXT.subtract(mid, even), toward) > 0:
            stop = better(stop, even)
    if gain >= CONTEXT.multiply(guard.distance, settings.trail_from_ratio):
        behind = CONTEXT.multiply(CONTEXT.multiply(guard.distance, settings.trail_ratio), toward)
        trail = CONTEXT.subtract(guard.best, behind)
        moved = CONTEXT.multiply(CONTEXT.subtract(trail, stop), toward)
        if moved >= CONTEXT.multiply(guard.distance, settings.trail_step_ratio):
            stop = trail
    return stop


def expired(guard: Guard, now_ns: int, settings: StopsSettings) -> bool:
    """Whether a position has been open for as long as it may."""
    return now_ns - guard.opened_ns >= settings.max_holding_s * NS_PER_S


def on_tick(price: Decimal, tick: Decimal, *, against: Side) -> Decimal:
    """The nearest price on the tick that is no further from the entry of a position: a long's stop
    goes up, a short's down. At least one tick.
    """
    rounding = ROUND_CEILING if against is Side.BUY else ROUND_FLOOR
    steps = CONTEXT.divide(price, tick).to_integral_value(rounding=rounding)
    return max(CONTEXT.multiply(steps, tick), tick)
