"""Historical expected shortfall of a day with the order filled, at 95% and 99%.

Unknown while there are too few samples; the other limits hold without it.
"""

from __future__ import annotations

from agents.execution.proposal import Proposal, beyond


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    if now.tail is None:
        return None
    at95 = beyond("expected_shortfall 95%", now.tail.es95, now.limits.max_es95_fraction, "loss")
    at99 = beyond("expected_shortfall 99%", now.tail.es99, now.limits.max_es99_fraction, "loss")
    return at95 or at99
