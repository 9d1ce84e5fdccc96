"""Loss since 00:00 UTC as a share of the equity then; a new day starts anew.

The limit itself is lost too much: at it, nothing is opened any more.
"""

from __future__ import annotations

from agents.execution.proposal import Proposal


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    limit = now.limits.max_daily_loss_fraction
    if now.daily_loss < limit:
        return None
    return f"daily_loss: limit {limit}, lost {now.daily_loss}"
