"""All positions in assets of one named sector, longs and shorts added up."""

from __future__ import annotations

from agents.execution.proposal import ZERO, Proposal, base_of, beyond
from schemas.money import CONTEXT


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    sector, total = now.sectors.get(base_of(now.key)), ZERO
    if sector is None:
        return None
    for position in now.positions:
        if now.sectors.get(base_of(position.key)) == sector:
            total = CONTEXT.add(total, abs(position.notional))
    return beyond("sector", total, now.share(now.limits.max_sector_fraction), sector)
