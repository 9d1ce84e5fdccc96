"""A market without stylised facts: a Gaussian random walk with Poisson trades.

It has the interface of the generated market, about the same volatility, number of trades, spread
and touch, and it is what a simulator looks like that was not held against real markets.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

from schemas.frame import NS_PER_MS, NS_PER_S
from streams.events import BookDiff, BookSnapshot, Event, Levels, TradeEvent
from streams.simulator.market.source import Rules

_STEP_NS = 100 * NS_PER_MS
_LEVELS = 250
_TICKS_BETWEEN = 3
_LEVEL_QTY = 1.0


class RandomWalkSource:
    """Each 100 ms the mid moves by a Gaussian; trades of exponential size come at random sides."""

    def __init__(
        self,
        rules: Rules,
        *,
        seed: int,
        start_ns: int,
        price: float = 61_800.0,
        volatility_bps: float = 1.2,
        trades_per_s: float = 16.0,
    ) -> None:
        self.rules = rules
        self._rng = Random(seed)
        self._start_ns = start_ns
        self._tick = float(rules.tick_size)
        self._log = math.log(price)
        self._sigma = volatility_bps * 1e-4 * math.sqrt(0.1)
        self._trades_per_s = trades_per_s
        self._trade_id = 0

    def events(self) -> Iterator[tuple[int, Event]]:
        """Venue time and event, in time order."""
        venue_id = self.rules.venue_id
        bids, asks = self._ladder()
        update_id = 1
        yield self._start_ns, BookSnapshot(venue_id, self._start_ns, 1, bids, asks)
        step = 0
        while True:
            step += 1
            yield from self._trades(self._start_ns + (step - 1) * _STEP_NS, float(bids[0][0]))
            self._log += self._rng.gauss(0.0, self._sigma)
            before = (bids, asks)
            bids, asks = self._ladder()
            now_ns = self._start_ns + step * _STEP_NS
            bid_changes, ask_changes = map(_changes, before, (bids, asks))
            if bid_changes or ask_changes:
                update_id += 1
                ids = (update_id, update_id, update_id - 1)
                yield now_ns, BookDiff(venue_id, now_ns, *ids, bid_changes, ask_changes)

    def _ladder(self) -> tuple[Levels, Levels]:
        """Equal quantities at equal distances, one tick apart at the touch."""
        bid = round(math.exp(self._log) / self._tick)
        qty = self._qty(_LEVEL_QTY)
        steps = [i * _TICKS_BETWEEN for i in range(_LEVELS)]
        return (
            [(self._price(bid - step), qty) for step in steps],
            [(self._price(bid + 1 + step), qty) for step in steps],
        )

    def _trades(self, from_ns: int, bid: float) -> Iterator[tuple[int, Event]]:
        rng = self._rng
        at_s = rng.expovariate(self._trades_per_s)
        while at_s < _STEP_NS / NS_PER_S:
            now_ns = from_ns + int(at_s * 1000) * NS_PER_MS
            side = rng.choice((1, -1))
            self._trade_id += 1
            price = self._price(round(bid / self._tick) + (side > 0))
            qty = self._qty(max(0.001, rng.expovariate(5.0)))
            yield (
                now_ns,
                TradeEvent(
                    self.rules.venue_id,
                    now_ns,
                    price,
                    qty,
                    side,
                    0,
                    self._trade_id,
                    self._trade_id,
                    self._trade_id,
                ),
            )
            at_s += rng.expovariate(self._trades_per_s)

    def _price(self, ticks: int) -> str:
        return f"{ticks * self._tick:.{self.rules.price_decimals}f}"

    def _qty(self, qty: float) -> str:
        return f"{qty:.{self.rules.qty_decimals}f}"


def _changes(before: Levels, after: Levels) -> Levels:
    """Levels that are new or other, and those that are gone."""
    old, new = dict(before), dict(after)
    zero = [(price, "0") for price in old if price not in new]
    return zero + [(price, qty) for price, qty in after if old.get(price) != qty]
