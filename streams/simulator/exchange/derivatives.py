"""Derivatives state of one symbol: what is known now, and its history by the venues' periods."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable

from schemas.frame import NS_PER_S
from streams.events import DerivativesEvent
from streams.simulator.exchange.past import Waves, level_at

FUNDING_NS = 8 * 3600 * NS_PER_S
PERIOD_NS = 300 * NS_PER_S
"""The shortest period of the venues' statistics."""
BASE_FUNDING = 1e-4
"""Funding rate of a market that nothing is known of: the venues' interest component of 8 hours."""

_KEPT = 4_000
_PAST_PERIODS = 30 * 86_400 * NS_PER_S
"""Statistics go back 30 days on the venues."""


class _Series:
    """A value at the end of each period: played since the start, made up before it."""

    def __init__(self, period_ns: int, start_ns: int, past: Callable[[int], float]) -> None:
        self._period_ns = period_ns
        self._start_ns = start_ns
        self._past = past
        self._times: deque[int] = deque(maxlen=_KEPT)
        self._values: deque[float] = deque(maxlen=_KEPT)

    def take(self, at_ns: int, value: float) -> None:
        """The value from now on; the last one of a period is that of its end."""
        end_ns = -(-at_ns // self._period_ns) * self._period_ns
        if self._times and self._times[-1] == end_ns:
            self._values[-1] = value
        else:
            self._times.append(end_ns)
            self._values.append(value)

    def at(self, end_ns: int) -> float | None:
        """The value at the end of a period; ``None`` where it was played but is forgotten."""
        if not self._times or end_ns <= self._start_ns:
            return self._past(end_ns)
        index = bisect_right(self._times, end_ns) - 1
        return None if index < 0 else self._values[index]


class Derivatives:
    """What is known now is ``None`` until the source told it; times are market time.

    Histories: funding every 8 hours UTC, open interest and long/short ratio every 5 minutes. Before
    the start they are made up around the first values that the source tells.
    """

    def __init__(self, seed: str, *, start_ns: int) -> None:
        self.mark_price: str | None = None
        self.index_price: str | None = None
        self.funding_rate: str | None = None
        self.open_interest: str | None = None
        self.long_short_ratio: str | None = None
        self.start_ns = start_ns
        waves = Waves(f"{seed}:derivatives")
        self._waves = waves
        self._funding = _Series(FUNDING_NS, start_ns, lambda at: BASE_FUNDING * (1 + waves(at)))
        self._funding.take(start_ns + 1, BASE_FUNDING)
        self._marks = _Series(FUNDING_NS, start_ns, lambda _: 0.0)
        self._ratio = self._around(1.5, 0.3)
        self._interest: _Series | None = None

    def take(self, event: DerivativesEvent) -> None:
        """Take what an event says; what it does not say stays."""
        at_ns = event.known_ns
        self.mark_price = event.mark_price or self.mark_price
        if event.mark_price is not None:
            self._marks.take(at_ns, float(event.mark_price))
        self.index_price = event.index_price or self.index_price
        if event.funding_rate is not None:
            self.funding_rate = event.funding_rate
            # Told at a settlement it is the rate of the next one: that of this one is due.
            self._funding.take(at_ns + 1, float(event.funding_rate))
        if event.open_interest is not None:
            self.open_interest = event.open_interest
            if self._interest is None:
                self._interest = self._around(float(event.open_interest), 0.1)
            self._interest.take(at_ns, float(event.open_interest))
        if event.long_short_ratio is not None:
            if self.long_short_ratio is None:
                self._ratio = self._around(float(event.long_short_ratio), 0.3)
            self.long_short_ratio = event.long_short_ratio
            self._ratio.take(at_ns, float(event.long_short_ratio))

    def rate(self) -> float:
        """Funding rate of the period that is not over."""
        return BASE_FUNDING if self.funding_rate is None else float(self.funding_rate)

    def settled_rate(self, at_ns: int) -> float:
        """Rate of a settlement since the start: the last one that was told before it."""
        rate = self._funding.at(at_ns)
        return BASE_FUNDING if rate is None else rate

    def settled_mark(self, at_ns: int) -> float | None:
        """Mark price of a settlement since the start, where one was told."""
        return self._marks.at(at_ns) or None

    def fundings(
        self, *, first_ns: int, last_ns: int, every_ns: int = FUNDING_NS
    ) -> list[tuple[int, float]]:
        """Time and rate of 8 hours of the settlements in between, both ends included."""
        return self._told(self._funding, every_ns, first_ns, last_ns, back_ns=10**18)

    def interests(self, period_ns: int, *, first_ns: int, last_ns: int) -> list[tuple[int, float]]:
        """Open interest at the ends of periods; empty where none was ever told."""
        if self._interest is None:
            return []
        return self._told(self._interest, period_ns, first_ns, last_ns)

    def ratios(self, period_ns: int, *, first_ns: int, last_ns: int) -> list[tuple[int, float]]:
        """Long/short ratio of accounts at the ends of periods."""
        return self._told(self._ratio, period_ns, first_ns, last_ns)

    def _around(self, now: float, swing: float) -> _Series:
        past = level_at(self._waves, now=now, now_ns=self.start_ns, swing=swing)
        return _Series(PERIOD_NS, self.start_ns, past)

    def _told(
        self,
        series: _Series,
        period_ns: int,
        first_ns: int,
        last_ns: int,
        *,
        back_ns: int = _PAST_PERIODS,
    ) -> list[tuple[int, float]]:
        first_ns = max(first_ns, self.start_ns - back_ns, 0)
        times = range(-(-first_ns // period_ns) * period_ns, last_ns + 1, period_ns)
        return [(at, value) for at in times if (value := series.at(at)) is not None]
