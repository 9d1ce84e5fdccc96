"""A symbol that earned too little lately is left alone for a while."""

from __future__ import annotations

from agents.execution.closed_trades import profit_of, since
from agents.execution.proposal import ZERO, Proposal
from schemas.frame import NS_PER_S
from schemas.money import CONTEXT


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    chosen = now.protections
    from_ns = now.now_ns - chosen.low_profit_lookback_s * NS_PER_S
    trades = [trade for trade in since(now.trades, from_ns) if trade.key == now.key]
    if len(trades) < chosen.low_profit_trades:
        return None
    if now.now_ns - trades[-1].closed_ns >= chosen.low_profit_pause_s * NS_PER_S:
        return None
    notional = ZERO
    for trade in trades:
        notional = CONTEXT.add(notional, trade.notional)
    needed = CONTEXT.multiply(notional, chosen.low_profit_fraction)
    earned = profit_of(trades)
    if earned > needed:
        return None
    return f"low_profit_symbols: limit above {needed}, earned {earned}"
