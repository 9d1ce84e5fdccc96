"""The share of the balance to risk by realised edge: Kelly's, a fraction of it, shrunk."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from agents.execution.closed_trades import ClosedTrade
from schemas.execution_settings import SizingSettings
from schemas.money import CONTEXT

ZERO = Decimal(0)
ONE = Decimal(1)


def kelly_fraction(trades: Sequence[ClosedTrade], settings: SizingSettings) -> Decimal:
    """``share · max(W − (1 − W) / R, 0)``, at least the floor: a share of the balance in [0, 1].

    Win rate ``W`` and payoff ``R`` (mean win over mean loss, each per notional) are means of what
    ``trades`` realised and of the prior, which weighs as much as ``kelly_trades`` trades. A trade
    without profit is a loss. Source: Kelly (1956), in the form for a bet that loses its stake.

    >>> kelly_fraction((), SizingSettings(kelly_share=1, kelly_win_rate="0.6", kelly_payoff=2))
    Decimal('0.4')
    """
    wins = [_per_notional(trade) for trade in trades if trade.profit > 0]
    losses = [-_per_notional(trade) for trade in trades if trade.profit <= 0]
    rate, payoff = settings.kelly_win_rate, settings.kelly_payoff
    if trades:
        rate = _blend(_ratio(len(wins), len(trades)), len(trades), rate, settings)
    lost = _mean(losses)
    if wins and lost > 0:
        realised = CONTEXT.divide(_mean(wins), lost)
        payoff = _blend(realised, min(len(wins), len(losses)), payoff, settings)
    odds_against = CONTEXT.divide(CONTEXT.subtract(ONE, rate), payoff)
    edge = max(CONTEXT.subtract(rate, odds_against), ZERO)
    return max(CONTEXT.multiply(edge, settings.kelly_share), settings.kelly_floor)


def _per_notional(trade: ClosedTrade) -> Decimal:
    return CONTEXT.divide(trade.profit, trade.notional) if trade.notional else ZERO


def _blend(realised: Decimal, count: int, prior: Decimal, settings: SizingSettings) -> Decimal:
    """Mean of what was realised and of the prior, each by its weight in trades."""
    weight = Decimal(settings.kelly_trades)
    total = CONTEXT.add(CONTEXT.multiply(realised, Decimal(count)), CONTEXT.multiply(prior, weight))
    return CONTEXT.divide(total, CONTEXT.add(Decimal(count), weight))


def _ratio(part: int, whole: int) -> Decimal:
    return CONTEXT.divide(Decimal(part), Decimal(whole))


def _mean(values: Sequence[Decimal]) -> Decimal:
    if not values:
        return ZERO
    total = ZERO
    for value in values:
        total = CONTEXT.add(total, value)
    return CONTEXT.divide(total, Decimal(len(values)))
