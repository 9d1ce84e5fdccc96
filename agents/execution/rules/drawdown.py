"""Fall from the highest equity. It halts the account until a person resumes it.

The limit itself is lost too much: at it, nothing is opened any more.
"""

from __future__ import annotations

from decimal import Decimal

from agents.execution.proposal import Proposal
from schemas.execution_settings import RiskSettings


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    if now.halted:
        return now.halted
    return fallen(now.drawdown, now.limits)


def fallen(drawdown: Decimal, limits: RiskSettings) -> str | None:
    """The breach, if the account has fallen that far."""
    limit = limits.max_drawdown_fraction
    return f"drawdown: limit {limit}, fallen {drawdown}" if drawdown >= limit else None
