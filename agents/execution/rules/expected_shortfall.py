"""Historical expected shortfall of a day with the order filled, at 95% and 99%.

A position whose samples are too few counts with ``risk.unknown_loss_fraction``. Without equity
there is none: any notional is then beyond the other limits.
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
