"""How many positions are open at once."""

from __future__ import annotations

from agents.execution.proposal import Proposal


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    if not now.opens or len(now.others) < now.max_open_positions:
        return None
    return f"max_open_positions: limit {now.max_open_positions}, open {len(now.others)}"
