"""Scores: what a dimension says of a symbol at a tick, and what the join makes of all of them."""

from __future__ import annotations

from enum import StrEnum

from schemas.frame import Message, Part

NEUTRAL = 50.0
"""A score that leans neither way; 0 is strongly bearish, 100 strongly bullish."""

DIMENSIONS = ("technical", "volume", "orderflow", "orderbook", "price_structure", "sentiment")
"""The six faces, in the order in which they are shown."""


class Regime(StrEnum):
    """What kind of market it is."""

    TRENDING_UP = "trending_up"
    TRENDING_DOWN = "trending_down"
    RANGING = "ranging"
    VOLATILE = "volatile"


class ComponentReading(Part, frozen=True):
    """One component of a dimension at a tick.

    ``score`` in [0, 100], ``None`` while not ready. ``weight`` is its share after the weights of
    components that are not ready were spread over the others (0 while not ready);
    ``contribution = weight * (score + divergence - 50)``, so the contributions of a dimension sum
    to its score − 50. ``raw`` are the values that the score came from, as (name, value) pairs.
    """

    name: str
    score: float | None
    weight: float
    contribution: float
    divergence: float = 0.0
    raw: tuple[tuple[str, float], ...] = ()

    @property
    def ready(self) -> bool:
        """Whether the component has a score."""
        return self.score is not None


class DimensionScore(Message, frozen=True):
    """What one dimension says of one symbol at one tick; also sent when it is not ready.

    ``coverage`` is the share of the components' base weight that is ready, ``fitness`` (0-1) how
    far the frames behind it can be trusted, ``price`` the mid at the tick's close (``None``
    without a two-sided touch), ``tainted`` whether history from REST or recovered data is in it.
    ``defects`` name what lowers the fitness (gaps, age, skew, ids) and the share that each takes.
    """

    venue: str
    symbol: str
    dimension: str
    tick_ns: int
    epoch: int
    seq: int
    score: float | None
    coverage: float
    fitness: float
    price: float | None
    components: tuple[ComponentReading, ...] = ()
    tainted: bool = False
    defects: tuple[tuple[str, float], ...] = ()

    @property
    def key(self) -> str:
        """Message key: ``venue:symbol``."""
        return f"{self.venue}:{self.symbol}"

    @property
    def id(self) -> str:
        """Unique within (tick, venue, symbol)."""
        return self.dimension

    @property
    def ready(self) -> bool:
        """Whether the dimension has a score."""
        return self.score is not None


class Contribution(Part, frozen=True):
    """One dimension's part in a confluence score: ``contribution = weight * (score - 50)``.

    ``weight`` is renormalised over the dimensions that are ready; 0 for one that is not.
    ``multiplier`` is what regime and skill make of its base weight; ``components`` are the shares
    of its components in the contribution, by name; they sum to it.
    """

    dimension: str
    score: float | None
    weight: float
    contribution: float
    multiplier: float = 1.0
    components: tuple[tuple[str, float], ...] = ()


class ReliabilityPart(Part, frozen=True):
    """One named part of reliability, 0 to 1."""

    name: str
    value: float


class ThresholdMove(Part, frozen=True):
    """How far one factor moved the thresholds: ``ratio`` is its value over the symbol's usual."""

    name: str
    ratio: float
    long_points: float
    short_points: float


class Flip(Part, frozen=True):
    """The least change of one component's score that would have changed a tick's decision.

    ``score`` is what the component gave, ``to`` where it would have had to be (the edge itself).
    ``signal`` is the kind of signal that the tick would then have given, ``None`` for none.
    """

    dimension: str
    component: str
    score: float
    to: float
    signal: str | None

    @property
    def points(self) -> float:
        """Size of the change in points."""
        return abs(self.to - self.score)


class ConfluenceScore(Message, frozen=True):
    """The join's verdict for one symbol and tick, emitted for every tick.

    Contributions sum to ``score - 50`` within 1e-9. ``reliability`` in [0, 1] comes with its parts.
    ``signal_id`` names the signal that this tick gave, ``withheld`` the reason why a crossing gave
    none. ``price`` is the mid at the tick. The thresholds are those in force: the settings' own
    plus ``threshold_moves``. ``regime`` is ``None`` until it can be told. ``changes`` say in words
    what regime and weights became at this tick. ``flip`` is ``None`` if no single component could
    have changed the decision.
    """

    venue: str
    symbol: str
    tick_ns: int
    epoch: int
    seq: int
    score: float | None
    reliability: float
    price: float | None
    contributions: tuple[Contribution, ...]
    reliability_parts: tuple[ReliabilityPart, ...]
    long_threshold: float
    short_threshold: float
    signal_id: str | None = None
    withheld: str | None = None
    tainted: bool = False
    regime: Regime | None = None
    threshold_moves: tuple[ThresholdMove, ...] = ()
    changes: tuple[str, ...] = ()
    flip: Flip | None = None

    @property
    def key(self) -> str:
        """Message key: ``venue:symbol``."""
        return f"{self.venue}:{self.symbol}"

    @property
    def id(self) -> str:
        """Unique within (tick, venue, symbol)."""
        return "confluence"
