"""Historical value at risk of a day with the order filled, at 95% and 99%.

A position whose samples are too few counts with ``risk.unknown_loss_fraction``. Without equity
there is none: any notional is then beyond the other limits.
"""

from __future__ import annotations

from agents.execution.proposal import Proposal, beyond


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    if now.tail is None:
        return None
    at95 = beyond("value_at_risk 95%", now.tail.var95, now.limits.max_var95_fraction, "loss")
    at99 = beyond("value_at_risk 99%", now.tail.var99, now.limits.max_var99_fraction, "loss")
    return at95 or at99
