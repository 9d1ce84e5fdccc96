"""After a position of a symbol is closed, it rests before it may open again."""

from __future__ import annotations

from agents.execution.closed_trades import since
from agents.execution.proposal import Proposal
from schemas.frame import NS_PER_S


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    pause_ns = now.protections.cool_down_s * NS_PER_S
    for trade in since(now.trades, now.now_ns - pause_ns + 1):
        if trade.key == now.key:
            waited_s = (now.now_ns - trade.closed_ns) / NS_PER_S
            return f"cool_down: limit {now.protections.cool_down_s} s, closed {waited_s} s ago"
    return None
