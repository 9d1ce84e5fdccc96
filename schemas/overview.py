"""The market overview: every symbol beside the others, and one asset on all its venues."""

from __future__ import annotations

from schemas.frame import Message, Part

OVERVIEW_KEY = "overview"
"""Message key of the overview, and its id."""

OVERVIEW_READER = "market.overview"
"""The name under which control records tell the overview of symbols that are absent."""


class Measure(Part, frozen=True):
    """One measure of a symbol: its value in its own unit, and its standing among the others.

    ``score`` in [0, 100] is the share of the other symbols that it beats, ties half. Both are
    ``None`` while the measure is not ready.
    """

    name: str
    value: float | None
    score: float | None


class SymbolOverview(Part, frozen=True):
    """One symbol: its rank (1 is best), and how that came about.

    ``score`` in [0, 100] is 40% ``selection``, 30% ``cross_market``, 30% ``quality``; what is not
    ready is left out and its weight spread, ``coverage`` is the weight of what is ready. It says
    how much a symbol is worth trading, in either direction. ``present`` says whether a frame came
    within the interval; a symbol without one has no score and ranks last. ``chosen`` are the best
    of those whose volume is known.
    """

    rank: int
    venue: str
    symbol: str
    sector: str
    present: bool
    chosen: bool
    score: float | None
    coverage: float
    selection: float | None
    cross_market: float | None
    quality: float | None
    measures: tuple[Measure, ...]


class VenueLeg(Part, frozen=True):
    """One venue's part in an asset: takers' buys and sells of the interval in quote currency.

    Both are ``None`` for an inverse contract of unknown size. ``price`` is the mid at the
    interval's close, ``premium_bps`` its distance from the mean of all venues' mids; both ``None``
    without a two-sided quote within the interval.
    """

    venue: str
    symbol: str
    bought: float | None
    sold: float | None
    price: float | None
    premium_bps: float | None


class LeadLag(Part, frozen=True):
    """Which of two symbols (``venue:symbol``) moves first.

    ``lag_ms`` is the shift at which the returns of ``first`` resemble the later ones of ``second``
    most: positive where ``first`` leads. ``correlation`` is the one at that shift. ``None`` while
    there is too little history, ``lag_ms`` also where no shift stands out from chance.
    """

    first: str
    second: str
    lag_ms: float | None
    correlation: float | None


class AssetOverview(Part, frozen=True):
    """One base and quote on several venues, taken together.

    ``flow`` is (bought − sold) / (bought + sold) over all venues within the interval, in [−1, 1],
    ``None`` without a trade. ``price`` is the mean of the mids, ``range_bps`` the distance between
    the highest and the lowest of them.
    """

    asset: str
    bought: float
    sold: float
    flow: float | None
    price: float | None
    range_bps: float | None
    legs: tuple[VenueLeg, ...]
    leads: tuple[LeadLag, ...]


class MarketOverview(Message, frozen=True):
    """All symbols and shared assets over the interval that ends at ``tick_ns``.

    Intervals end at whole multiples of ``interval_ns`` since 1970. ``symbols`` come by rank,
    ``assets`` by name.
    """

    tick_ns: int
    interval_ns: int
    symbols: tuple[SymbolOverview, ...]
    assets: tuple[AssetOverview, ...]

    @property
    def key(self) -> str:
        """Message key: there is one overview."""
        return OVERVIEW_KEY

    @property
    def id(self) -> str:
        """Unique within the tick."""
        return OVERVIEW_KEY

    @property
    def venue(self) -> str:
        """Of no venue; the digest orders by it."""
        return ""

    @property
    def symbol(self) -> str:
        """Of no symbol; the digest orders by it."""
        return ""
