"""A run of stop-losses, over all symbols, pauses every entry."""

from __future__ import annotations

from agents.execution.closed_trades import Exit, since
from agents.execution.proposal import Proposal
from schemas.frame import NS_PER_S


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    chosen = now.protections
    hit = [
        trade
        for trade in since(now.trades, now.now_ns - chosen.stop_guard_lookback_s * NS_PER_S)
        if trade.exit in {Exit.STOP, Exit.LIQUIDATION} and trade.profit < 0
    ]
    if len(hit) < chosen.stop_guard_trades:
        return None
    if now.now_ns - hit[-1].closed_ns >= chosen.stop_guard_pause_s * NS_PER_S:
        return None
    limit = chosen.stop_guard_trades
    return f"stop_loss_guard: limit {limit} in {chosen.stop_guard_lookback_s} s, hit {len(hit)}"
