"""Notional of all derivatives over the equity."""

from __future__ import annotations

from agents.execution.proposal import Proposal, beyond


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    notional = now.gross(derivatives_only=True)
    limit = now.share(now.limits.max_leverage)
    return beyond("leverage", notional, limit, "derivatives")
