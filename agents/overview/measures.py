"""The ten measures of a symbol beside the others, in three groups."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from agents.overview.statistics import (
    CoMovement,
    Returns,
    co_movement,
    mean_of_others,
    variance_ratio,
    volatility,
)
from agents.overview.symbol import SymbolState
from schemas.settings import OverviewSettings

_BPS = 1e4
_WARM_UP = 12
"""Returns count from this part of the window on: 30 of 360."""

ALL = "all"
"""Sector of a base asset that the settings do not name."""


class Kind(NamedTuple):
    """One measure: its group, and whether a smaller size of it is the better one."""

    group: str
    smaller_is_better: bool = False


MEASURES: Mapping[str, Kind] = {
    "volume": Kind("selection"),
    "volatility_bps": Kind("selection"),
    "illiquidity": Kind("selection", smaller_is_better=True),
    "correlation": Kind("cross_market", smaller_is_better=True),
    "beta": Kind("cross_market"),
    "sector_flow": Kind("cross_market"),
    "relative_strength_bps": Kind("cross_market"),
    "spread_bps": Kind("quality", smaller_is_better=True),
    "depth": Kind("quality"),
    "inefficiency": Kind("quality", smaller_is_better=True),
}
"""What each is: see :func:`measured`. Signed ones count by their size, whichever way they point."""

Values = dict[str, float | None]


class Market:
    """The symbols of one moment, by ``venue:symbol``, and what they are measured against.

    Only symbols with a frame in the interval take part. Money is converted to the par currencies:
    1 for those, otherwise the mid of the busiest pair of that currency against one of them; where
    there is none, what is counted in money is not ready.
    """

    def __init__(self, symbols: Mapping[str, SymbolState], settings: OverviewSettings) -> None:
        self._settings = settings
        self._at_least = max(2, settings.window // _WARM_UP)
        self.symbols = {key: symbols[key] for key in sorted(symbols) if symbols[key].present}
        # Pairs that tell rates are quoted in par currencies, so these come first.
        self._rates: dict[str, float | None] = dict.fromkeys(settings.par, 1.0)
        self._rates |= {quote: self._rate(quote) for quote in map(quote_of, self.symbols)}
        venues = dict.fromkeys(key.partition(":")[0] for key in self.symbols)
        self._references = {venue: self._reference(venue) for venue in venues}
        self._flows = self._sector_flows()

    def sector(self, key: str) -> str:
        """Sector of a symbol, by its base asset."""
        return self._settings.sectors.get(base_of(key), ALL)

    def measured(self, key: str) -> Values:
        """Every measure of one symbol; ``None`` is not ready.

        Per interval, in par currency, returns logarithmic:

        - volume: mean turnover, fading with a half-life of a quarter of the window
        - volatility_bps: realised volatility
        - illiquidity: mean of |return| / turnover, in bps per million (Amihud, 2002)
        - correlation, beta, relative_strength_bps: against the venue's reference (the busiest
          symbol of that base; it has none itself), or the mean of all others where it has none
        - sector_flow: (bought − sold) / (bought + sold) of the whole sector, means as of volume
        - spread_bps: mean quoted spread on ticks
        - depth: mean of the thinner side within 10 bps of mid, on ticks
        - inefficiency: |variance ratio − 1|

        Warm-up: an interval; what needs returns, a twelfth of the window.
        """
        one = self.symbols[key]
        moved = volatility(one.returns, at_least=self._at_least)
        with_market = self._with_market(key)
        ratio = variance_ratio(one.returns, at_least=self._at_least)
        illiquidity = self._in_par(key, one.illiquidity.value, inverse=True)
        values: Values = {
            "volume": self._in_par(key, one.turnover.value),
            "volatility_bps": None if moved is None else moved * _BPS,
            "illiquidity": None if illiquidity is None else illiquidity * _BPS * 1e6,
            "correlation": None,
            "beta": None,
            "sector_flow": self._flows.get(self.sector(key)),
            "relative_strength_bps": None,
            "spread_bps": one.spread_bps.value,
            "depth": self._in_par(key, one.depth.value),
            "inefficiency": None if ratio is None else abs(ratio - 1.0),
        }
        if with_market is not None:
            values["correlation"] = with_market.correlation
            values["beta"] = with_market.beta
            values["relative_strength_bps"] = with_market.relative_strength * _BPS
        return values

    def _with_market(self, key: str) -> CoMovement | None:
        reference = self._references[key.partition(":")[0]]
        if reference == key:
            return None
        market = self._others[key] if reference is None else self.symbols[reference].returns
        return co_movement(self.symbols[key].returns, market, at_least=self._at_least)

    @cached_property
    def _others(self) -> dict[str, Returns]:
        means = mean_of_others([one.returns for one in self.symbols.values()])
        return dict(zip(self.symbols, means, strict=True))

    def _reference(self, venue: str) -> str | None:
        """The venue's busiest symbol of the reference asset."""
        base = self._settings.reference
        return self._busiest(
            key for key in self.symbols if key.startswith(f"{venue}:") and base_of(key) == base
        )

    def _turnover(self, key: str) -> float:
        """In par currency; 0 where it is not known."""
        return self._in_par(key, self.symbols[key].turnover.value) or 0.0

    def _rate(self, quote: str) -> float | None:
        """Par currency per unit of a quote currency."""
        par = self._settings.par
        if quote in par:
            return 1.0
        pairs = (k for k in self.symbols if base_of(k) == quote and quote_of(k) in par)
        pair = self._busiest(pairs)
        return None if pair is None else self.symbols[pair].last.mid

    def _busiest(self, keys: Iterable[str]) -> str | None:
        """Most turnover, by name where that is equal."""
        return min(keys, key=lambda key: (-self._turnover(key), key), default=None)

    def _in_par(self, key: str, value: float | None, *, inverse: bool = False) -> float | None:
        rate = self._rates[quote_of(key)]
        if value is None or rate is None:
            return None
        return value / rate if inverse else value * rate

    def _sector_flows(self) -> Values:
        turnover: dict[str, list[float]] = {}
        flow: dict[str, list[float]] = {}
        for key, one in self.symbols.items():
            total = self._in_par(key, one.turnover.value)
            net = self._in_par(key, one.net_flow.value)
            if total is not None and net is not None:
                turnover.setdefault(self.sector(key), []).append(total)
                flow.setdefault(self.sector(key), []).append(net)
        return {
            sector: math.fsum(flow[sector]) / math.fsum(totals)
            for sector, totals in turnover.items()
            if math.fsum(totals) > 0.0
        }


def base_of(key: str) -> str:
    """Base asset of ``venue:BASE/QUOTE[:SETTLE]``.

    >>> base_of("binance:ETH/BTC"), base_of("v:BTC/USD:BTC-250627")
    ('ETH', 'BTC')
    """
    return key.split(":")[1].partition("/")[0]


def quote_of(key: str) -> str:
    """Quote currency of ``venue:BASE/QUOTE[:SETTLE]``.

    >>> quote_of("binance:ETH/BTC"), quote_of("v:BTC/USD:BTC-250627")
    ('BTC', 'USD')
    """
    return key.split(":")[1].partition("/")[2]
