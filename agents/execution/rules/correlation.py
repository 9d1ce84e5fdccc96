"""Two positions that move as one are one position twice its size.

Against a position of the same side a high correlation counts, against one of the other side a
strongly negative one. Unknown correlations pass: the other limits hold without them.
"""

from __future__ import annotations

from agents.execution.proposal import Proposal


def check(now: Proposal) -> str | None:
    """The breach, or ``None``."""
    limit = now.limits.max_correlation
    for other in now.others:
        if other.correlation is None:
            continue
        same = (other.notional > 0) == (now.after.notional > 0)
        felt = other.correlation if same else -other.correlation
        if felt > limit:
            return f"correlation: limit {limit}, {felt:.4f} with {other.key}"
    return None
