"""A fall of the balance over the trades closed lately pauses every entry."""

from __future__ import annotations

from agents.execution.closed_trades import since
from agents.execution.proposal import Proposal, beyond
from agents.execution.statistics import deepest_drawdown
from schemas.frame import NS_PER_S
from schemas.money import CONTEXT


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    chosen = now.protections
    trades = since(now.trades, now.now_ns - chosen.drawdown_guard_lookback_s * NS_PER_S)
    if len(trades) < chosen.drawdown_guard_trades:
        return None
    if now.now_ns - trades[-1].closed_ns >= chosen.drawdown_guard_pause_s * NS_PER_S:
        return None
    before = CONTEXT.subtract(trades[0].balance, trades[0].profit)
    fall = deepest_drawdown([before, *(trade.balance for trade in trades)])
    return beyond("max_drawdown_guard", fall, chosen.drawdown_guard_fraction, "fallen")
