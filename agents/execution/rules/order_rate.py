"""Orders placed within the last 60 s, this one counted."""

from __future__ import annotations

from agents.execution.proposal import Proposal


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    limit, placed = now.limits.max_orders_per_minute, now.recent_orders + 1
    return f"order_rate: limit {limit}, placed {placed}" if placed > limit else None
