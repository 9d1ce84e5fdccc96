"""Longs less shorts, either way, against the equity."""

from __future__ import annotations

from agents.execution.proposal import ZERO, Proposal, beyond
from schemas.money import CONTEXT


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    net = ZERO
    for position in now.positions:
        net = CONTEXT.add(net, position.notional)
    return beyond("net_exposure", abs(net), now.share(now.limits.max_net_fraction), "exposure")
