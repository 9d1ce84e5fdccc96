"""What the account would lose if every stop were hit at once."""

from __future__ import annotations

from agents.execution.proposal import ZERO, Proposal, beyond
from schemas.money import CONTEXT


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    heat = ZERO
    for position in now.positions:
        heat = CONTEXT.add(heat, position.risk)
    return beyond("heat", heat, now.share(now.limits.max_heat_fraction), "at risk")
