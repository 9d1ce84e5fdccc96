"""Whether a frame tells everything that its venue tells, and if not, what it lacks."""

from __future__ import annotations

from schemas.frame import NS_PER_MS, Frame

MOST_SKEW_NS = 500 * NS_PER_MS
"""Parts of a complete frame are no further apart in the venue's time."""


def lacks(frame: Frame) -> str | None:
    """The first of what a frame lacks; ``None`` if it is complete.

    ``book``: none that is synchronised. ``stale``: a channel was down or silent too long. ``gap``:
    trade ids were skipped. ``rejects``: something did not reach it. ``skew``: book and tape are
    more than :data:`MOST_SKEW_NS` apart.
    """
    quality = frame.quality
    if frame.book is None or not quality.book_synced:
        return "book"
    if quality.stale:
        return "stale"
    if quality.missing_ids:
        return "gap"
    if quality.rejects:
        return "rejects"
    if quality.skew_ns is not None and abs(quality.skew_ns) > MOST_SKEW_NS:
        return "skew"
    return None
