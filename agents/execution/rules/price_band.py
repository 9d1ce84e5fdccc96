"""How far an order's price is from the mid of the book; without a mid nothing is opened."""

from __future__ import annotations

from agents.execution.proposal import Proposal, beyond
from schemas.money import CONTEXT


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    if now.mid is None or now.mid <= 0:
        return "price_band: limit a mid to compare with, mid none"
    away = CONTEXT.divide(abs(CONTEXT.subtract(now.price, now.mid)), now.mid)
    return beyond("price_band", away, now.limits.max_deviation_fraction, "deviation")
