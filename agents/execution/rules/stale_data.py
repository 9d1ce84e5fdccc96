"""Nothing is opened on data that is out of date: of its own market or of any position's mark."""

from __future__ import annotations

from agents.execution.proposal import Proposal
from schemas.frame import NS_PER_S


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    if now.stale:
        return f"stale_data: limit 0 stale, {now.key} {', '.join(now.stale)}"
    limit_ns = now.limits.max_mark_age_s * NS_PER_S
    for other in now.others:
        if other.age_ns > limit_ns:
            limit_s, age_s = now.limits.max_mark_age_s, other.age_ns / NS_PER_S
            return f"stale_data: limit {limit_s} s, mark of {other.key} {age_s} s"
    return None
