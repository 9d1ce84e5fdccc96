"""Longs and shorts added up, against the equity."""

from __future__ import annotations

from agents.execution.proposal import Proposal, beyond


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    limit = now.share(now.limits.max_gross_fraction)
    return beyond("gross_exposure", now.gross(), limit, "exposure")
