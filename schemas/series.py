"""Timestamped values from outside the tape: derivatives history, indices of mood, news scores."""

from __future__ import annotations

from enum import StrEnum

from schemas.frame import Message


class SeriesName(StrEnum):
    """What a series tells, and in which unit."""

    FEAR_GREED = "fear_greed"
    """Index of mood, 0 (extreme fear) to 100 (extreme greed)."""
    NEWS = "news"
    """Tone of the news, -1 to 1."""
    SOCIAL = "social"
    """Tone of social media, -1 to 1."""
    FUNDING_RATE = "funding_rate"
    """Rate of one funding period, a plain number (0.0001 is one basis point)."""
    OPEN_INTEREST = "open_interest"
    """In the venue's own quantity unit."""
    LONG_SHORT_RATIO = "long_short_ratio"
    """Accounts (or positions) that are long, per one that is short."""
    LONG_LIQUIDATIONS = "long_liquidations"
    """Longs closed by force within the period that ends at the time, in quote currency."""
    SHORT_LIQUIDATIONS = "short_liquidations"
    """Shorts closed by force within the period that ends at the time, in quote currency."""


class Series(Message, frozen=True):
    """Values of one series as one symbol's decisions get to know them.

    ``at_ns`` (ascending) and ``value`` are parallel; ``known_ns`` is when the feed learned them, no
    value is later than that. A series of the whole market (the fear and greed index) comes once per
    symbol, so that it stands in that symbol's order of events.
    """

    venue: str
    symbol: str
    name: SeriesName
    source: str
    known_ns: int
    at_ns: tuple[int, ...]
    value: tuple[float, ...]

    @property
    def key(self) -> str:
        """Message key: ``venue:symbol``."""
        return f"{self.venue}:{self.symbol}"
