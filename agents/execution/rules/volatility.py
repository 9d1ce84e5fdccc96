"""A market too wild to enter: its range of 5 minutes as a share of its price."""

from __future__ import annotations

from agents.execution.proposal import Proposal, beyond


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    if now.range_fraction is None:
        return None
    return beyond("volatility", now.range_fraction, now.limits.max_range_fraction, "range")
