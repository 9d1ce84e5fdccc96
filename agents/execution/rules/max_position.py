"""A position's notional against the equity."""

from __future__ import annotations

from agents.execution.proposal import Proposal, beyond


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    limit = now.share(now.limits.max_position_fraction)
    return beyond("max_position", abs(now.after.notional), limit, "position")
