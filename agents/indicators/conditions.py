"""Volatility, volume and liquidity of a symbol over what is usual of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.indicators.bands import BandBounds, band_stretch
from agents.indicators.liquidity import BookLiquidity
from agents.indicators.quotes import twice_mid
from agents.indicators.rate import EventRate
from schemas.frame import Frame


def _short() -> EventRate:
    return EventRate(half_life_s=60.0)


def _long() -> EventRate:
    return EventRate(half_life_s=1_800.0)


@dataclass
class MarketConditions:
    """What moves the bands of those that see the tape and the book.

    ``volatility``: distance that the mid went per second (from tick to tick, whichever way) of the
    last minute over that of the last half hour; ``volume``: the same of the traded quantity;
    ``liquidity``: :class:`BookLiquidity`. Half-lives 60 s and 1,800 s. Unit: none. Range: [0, inf),
    the rates' ratio at most 30. ``None`` while warming up, and where there is nothing usual. Cost
    per tick: six exponentials; of other frames one addition.

    >>> conditions = MarketConditions()
    >>> for i in range(100):
    ...     frame = Frame("v", "s", 0, i, 0, i * 1_000_000_000, True, 0, 0)
    ...     conditions.update(frame, volume=1.0 if i < 99 else 100.0)
    >>> conditions.volatility is None, 1.0 < conditions.volume < 3.0
    (True, True)
    """

    short_path: EventRate = field(default_factory=_short)
    long_path: EventRate = field(default_factory=_long)
    short_volume: EventRate = field(default_factory=_short)
    long_volume: EventRate = field(default_factory=_long)
    liquidity: BookLiquidity = field(default_factory=BookLiquidity)
    fresh: float = 0.0
    """Traded since the last tick."""
    mid: tuple[int, int] | None = None
    """Twice the mid of the last tick that had one, and its exponent."""
    volatility: float | None = None
    """Path of the mid over its usual."""
    volume: float | None = None
    """Traded quantity over its usual."""

    def update(self, frame: Frame, *, volume: float) -> None:
        """Take in one frame, in which so much was traded."""
        self.fresh += volume
        if frame.is_tick:
            at_ns = frame.close_ns
            step = self._step(frame)
            self.volatility = _ratio(
                self.short_path.update(step, at_ns), self.long_path.update(step, at_ns)
            )
            self.volume = _ratio(
                self.short_volume.update(self.fresh, at_ns),
                self.long_volume.update(self.fresh, at_ns),
            )
            self.fresh = 0.0
            self.liquidity.update(frame)

    def stretch(self, bounds: BandBounds) -> float:
        """Factor by which the bands are moved now."""
        return band_stretch(
            bounds,
            volatility=self.volatility,
            volume=self.volume,
            liquidity=self.liquidity.poverty,
        )

    @property
    def raw(self) -> tuple[tuple[str, float], ...]:
        """The ratios that are known, by the names under which scores carry them."""
        pairs = (
            ("volatility_to_usual", self.volatility),
            ("volume_to_usual", self.volume),
            ("spread_to_usual", self.liquidity.spread),
            ("depth_to_usual", self.liquidity.depth),
        )
        return tuple([(name, value) for name, value in pairs if value is not None])

    def _step(self, frame: Frame) -> float:
        """Distance of the mid from that of the tick before: exact, so that no unit matters."""
        twice = twice_mid(frame)
        if twice is None:
            return 0.0
        before, self.mid = self.mid, (twice, frame.price_exponent)
        if before is None:
            return 0.0
        step: float
        if before[1] == frame.price_exponent:
            step = abs(twice - before[0]) / (2 * 10 ** before[1])
            return step
        exponent = max(before[1], frame.price_exponent)
        finer = twice * 10 ** (exponent - frame.price_exponent)
        step = abs(finer - before[0] * 10 ** (exponent - before[1])) / (2 * 10**exponent)
        return step


def _ratio(short: float | None, long: float | None) -> float | None:
    return None if short is None or long is None or long <= 0.0 else short / long
