"""How old a decision may be when it opens something at a real venue."""

from __future__ import annotations

from schemas.frame import NS_PER_S

RULE = "age"


def too_old(decided_ns: int, now_ns: int, *, limit_s: float) -> str | None:
    """Why what was decided at a tick opens nothing at ``now_ns`` any more; ``None``: it may.

    A tick that lies as far ahead has no age that could be known: clocks differ. 0 is no limit.

    >>> too_old(0, 15 * NS_PER_S, limit_s=15) is None
    True
    """
    age_ns = now_ns - decided_ns
    if not limit_s or abs(age_ns) <= round(limit_s * NS_PER_S):
        return None
    limit = f"{RULE}: limit {limit_s:g} s (live.max_decision_age_s)"
    if age_ns < 0:
        return (
            f"{limit}, decided {-age_ns / NS_PER_S:.1f} s ahead of this clock: not sent; "
            "synchronise the clocks of feed and role (NTP)"
        )
    return (
        f"{limit}, decided {age_ns / NS_PER_S:.1f} s ago: not sent; the next signal may be. "
        "If none is, look at the role's lag, then at the clocks of feed and role (NTP)"
    )


def is_too_old(reason: str) -> bool:
    """Whether an order was rejected by its age.

    >>> is_too_old(too_old(0, NS_PER_S, limit_s=0.5)), is_too_old("venue: no margin")
    (True, False)
    """
    return reason.partition(":")[0] == RULE
