"""All that is held of one base asset, over symbols and venues, either way."""

from __future__ import annotations

from agents.execution.proposal import ZERO, Proposal, base_of, beyond
from schemas.money import CONTEXT


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    base, total = base_of(now.key), ZERO
    for position in now.positions:
        if base_of(position.key) == base:
            total = CONTEXT.add(total, position.notional)
    limit = now.share(now.limits.max_concentration_fraction)
    return beyond("concentration", abs(total), limit, base)
