"""The record of how well a parent was executed, and what many of them come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, Decimal

import msgspec

from agents.execution.ledger import EXACT
from agents.execution.parents.parent import Parent
from schemas.execution_quality import ExecutionQuality, Outcome
from schemas.frame import NS_PER_S, Frame
from schemas.money import CONTEXT

ZERO = Decimal(0)
ONE = Decimal(1)
_BPS = Decimal(10_000)
_STEP = Decimal("0.0001")


def quality_of(parent: Parent, frame: Frame, *, mid: Decimal | None) -> ExecutionQuality:
    """The record of a parent that ends at a frame; ``mid`` is the last one known."""
    task, tally = parent.task, parent.tally
    side, arrival = Decimal(task.side.value), task.mid or None
    opportunity = shortfall = None
    if arrival is not None and mid is not None:
        moved = EXACT.multiply(EXACT.subtract(mid, arrival), side)
        opportunity = EXACT.multiply(moved, parent.left)
        at_arrival = EXACT.multiply(arrival, parent.filled)
        paid = EXACT.multiply(EXACT.subtract(tally.cost, at_arrival), side)
        shortfall = EXACT.add(EXACT.add(paid, tally.fees), opportunity)
    average = CONTEXT.divide(tally.cost, parent.filled) if parent.filled else None
    vwap = CONTEXT.divide(parent.notional, parent.volume) if parent.volume else None
    whole = None if arrival is None else EXACT.multiply(arrival, task.qty)
    return ExecutionQuality(
        parent_id=task.id,
        account=task.account,
        venue=frame.venue,
        symbol=frame.symbol,
        tick_ns=frame.close_ns,
        signal_id=task.signal_id,
        leg=task.leg,
        side=task.side,
        algorithm=task.algorithm,
        outcome=_outcome(parent),
        reason=parent.stopped or parent.told,
        qty=task.qty,
        filled_qty=parent.filled,
        maker_qty=tally.maker_qty,
        children=parent.sent,
        began_ns=task.begun_ns,
        first_fill_ns=tally.first_ns,
        last_fill_ns=tally.last_ns,
        arrival_mid=arrival,
        end_mid=mid,
        average_price=average,
        market_vwap=vwap,
        market_qty=parent.volume,
        fees=tally.fees,
        improvement=tally.improvement,
        opportunity=opportunity,
        shortfall=shortfall,
        shortfall_bps=_bps(shortfall, whole),
        slippage_bps=_bps(_against(average, arrival, side), arrival),
        vwap_bps=_bps(_against(average, vwap, side), vwap),
        impact_bps=_bps(_against(mid, arrival, side), arrival),
    )


class Summary(msgspec.Struct, frozen=True):
    """Orders of one algorithm and leg together.

    Means in basis points are weighted by the notional at arrival; ``median_bps`` and ``p95_bps``
    are those of the orders' shortfalls, by nearest rank. ``fill_rate`` and ``maker_share`` are of
    that notional, ``to_fill_s`` is the mean time to the last fill. Fees and improvement are money.
    """

    algorithm: str
    leg: str
    orders: int
    complete: int
    fill_rate: Decimal
    maker_share: Decimal
    shortfall_bps: Decimal
    median_bps: Decimal
    p95_bps: Decimal
    slippage_bps: Decimal | None
    vwap_bps: Decimal | None
    impact_bps: Decimal
    to_fill_s: Decimal | None
    fees: Decimal
    improvement: Decimal


def summaries(records: Iterable[ExecutionQuality]) -> list[Summary]:
    """One for each algorithm and leg, in their order; of orders whose price of arrival is known."""
    groups: dict[tuple[str, str], list[ExecutionQuality]] = {}
    for record in records:
        if record.shortfall_bps is not None:
            groups.setdefault((record.algorithm, record.leg), []).append(record)
    return [_summary(*name, groups[name]) for name in sorted(groups)]


def nearest_rank(values: Sequence[Decimal], share: Decimal) -> Decimal:
    """The least value that at least this share of the values does not exceed; of none, an error.

    >>> nearest_rank([Decimal(3), Decimal(1), Decimal(2)], Decimal("0.5"))
    Decimal('2')
    """
    rank = CONTEXT.multiply(Decimal(len(values)), share).to_integral_value(ROUND_CEILING)
    return sorted(values)[max(int(rank), 1) - 1]


def _summary(algorithm: str, leg: str, records: list[ExecutionQuality]) -> Summary:
    whole = _total((r.qty, r.arrival_mid) for r in records)
    done = _total((r.filled_qty, r.arrival_mid) for r in records)
    made = _total((r.maker_qty, r.arrival_mid) for r in records)
    shortfalls = [r.shortfall_bps for r in records if r.shortfall_bps is not None]
    ended = [r.last_fill_ns - r.began_ns for r in records if r.last_fill_ns is not None]
    seconds = None
    if ended:
        total_ns = Decimal(sum(ended))  # ints
        seconds = _rounded(CONTEXT.divide(total_ns, Decimal(len(ended) * NS_PER_S)))
    return Summary(
        algorithm=algorithm,
        leg=leg,
        orders=len(records),
        complete=len([r for r in records if r.outcome is Outcome.FILLED]),
        fill_rate=_rounded(CONTEXT.divide(done, whole)),
        maker_share=_rounded(CONTEXT.divide(made, done)) if done else ZERO,
        shortfall_bps=_bps(_total((r.shortfall, ONE) for r in records), whole) or ZERO,
        median_bps=nearest_rank(shortfalls, Decimal("0.5")),
        p95_bps=nearest_rank(shortfalls, Decimal("0.95")),
        slippage_bps=_mean([(r.slippage_bps, r) for r in records]),
        vwap_bps=_mean([(r.vwap_bps, r) for r in records]),
        impact_bps=_mean([(r.impact_bps, r) for r in records]) or ZERO,
        to_fill_s=seconds,
        fees=_total((r.fees, ONE) for r in records),
        improvement=_total((r.improvement, ONE) for r in records),
    )


def _outcome(parent: Parent) -> Outcome:
    if parent.left <= 0:
        return Outcome.FILLED
    return Outcome.STOPPED if parent.stopped else Outcome.EXPIRED


def _against(price: Decimal | None, mark: Decimal | None, side: Decimal) -> Decimal | None:
    if price is None or mark is None:
        return None
    return CONTEXT.multiply(CONTEXT.subtract(price, mark), side)


def _bps(cost: Decimal | None, of: Decimal | None) -> Decimal | None:
    if cost is None or not of:
        return None
    return _rounded(CONTEXT.multiply(CONTEXT.divide(cost, of), _BPS))


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_STEP, context=CONTEXT)


def _total(pairs: Iterable[tuple[Decimal | None, Decimal | None]]) -> Decimal:
    total = ZERO
    for value, weight in pairs:
        if value is not None and weight is not None:
            total = CONTEXT.add(total, CONTEXT.multiply(value, weight))
    return total


def _mean(values: Sequence[tuple[Decimal | None, ExecutionQuality]]) -> Decimal | None:
    """Mean by filled notional at arrival, of those that have a value."""
    known = [
        (value, CONTEXT.multiply(record.filled_qty, record.arrival_mid or ZERO))
        for value, record in values
        if value is not None
    ]
    weight = _total((ONE, weight) for _, weight in known)
    return _rounded(CONTEXT.divide(_total(known), weight)) if weight else None
