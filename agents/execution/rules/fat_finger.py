"""One order's notional, in account currency, whatever the equity says."""

from __future__ import annotations

from agents.execution.proposal import Proposal, beyond


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    return beyond("fat_finger", now.notional, now.limits.max_order_notional, "order")
