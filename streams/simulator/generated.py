"""A small generated market: seeded, so that every run of a seed gives the same events.

It is for demonstrations and tests, not a model of any market: trends, calm and busy spells and
bursts follow one another quickly, so that every kind of decision can be watched within minutes.
What it says is always consistent: trades happen at the touch and take what stands there, no book is
ever crossed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from schemas.frame import NS_PER_MS, NS_PER_S, Frame, PositionSide, Side
from schemas.settings import FramesSettings
from streams.events import (
    BookDiff,
    BookSnapshot,
    DerivativesEvent,
    Event,
    Levels,
    LiquidationEvent,
    TouchEvent,
    TradeEvent,
)
from streams.framer import Framer
from streams.simulator.ladder import DEPTH, QuoteLadder

VENUE = "simulated"
START_NS = 1_735_689_600 * NS_PER_S
"""2025-01-01 00:00 UTC: market time of a generated market starts here, whenever it runs."""

STEP_NS = 50 * NS_PER_MS
_LAG_NS = 5 * NS_PER_MS
_STEPS_PER_MARK = 20
_FUNDING_NS = 8 * 3600 * NS_PER_S


@dataclass(frozen=True)
class MarketSpec:
    """One symbol. Prices are counted in ticks, quantities in steps; ``lot`` is a small trade."""

    symbol: str
    price: int
    price_decimals: int
    lot: int
    qty_decimals: int
    open_interest: int


DEFAULT_MARKETS = (
    MarketSpec("BTC/USDT:USDT", 60_000, 0, 40, 3, 80_000_000),
    MarketSpec("ETH/USDT:USDT", 30_000, 1, 500, 3, 900_000_000),
    MarketSpec("SOL/USDT:USDT", 15_000, 2, 90, 1, 60_000_000),
)


@dataclass
class _Mood:
    """A spell of the market: drift in ticks per step, noise in ticks, trades per step."""

    drift: float = 0.0
    noise: float = 0.3
    activity: float = 0.3
    steps_left: int = 100


class GeneratedMarket:
    """One symbol of the generated market, without an end.

    An object gives its events once, by :meth:`events` or :meth:`frames`.

    >>> events = GeneratedMarket(DEFAULT_MARKETS[0], seed=1).events()
    >>> [type(event).__name__ for _, event in (next(events), next(events))]
    ['BookSnapshot', 'DerivativesEvent']
    """

    def __init__(self, spec: MarketSpec, *, seed: int) -> None:
        self._spec = spec
        self._rng = Random(f"{seed}:{spec.symbol}")
        self._ladder = QuoteLadder(self._rng, lot=spec.lot)
        self._mood = _Mood()
        self._fair = float(spec.price)
        self._lean = 0.0
        self._slow = self._fair
        self._interest = spec.open_interest
        self._update_id = 1
        self._book_id = 1
        self._trade_id = 0
        self._best: tuple[tuple[int, int], tuple[int, int]] | None = None

    @property
    def symbol(self) -> str:
        """Unified name."""
        return self._spec.symbol

    def frames(self, settings: FramesSettings) -> Iterator[Frame]:
        """The events as frames, cut by the same framer as any feed's."""
        framer = Framer(VENUE, self._spec.symbol, settings=settings)
        for receive_ns, event in self.events():
            yield from framer.advance(receive_ns)
            framer.add(receive_ns, event)

    def events(self) -> Iterator[tuple[int, Event]]:
        """(Receive time in ns, event): a snapshot, then what happens in each step."""
        self._requote()
        yield START_NS, self._snapshot()
        step = 0
        while True:
            open_ns = START_NS + step * STEP_NS
            if step % _STEPS_PER_MARK == 0:
                yield open_ns + NS_PER_MS, self._derivatives(open_ns)
            self._drift()
            yield from self._trades(open_ns + 2 * NS_PER_MS)
            self._requote()
            yield from self._touch(open_ns + STEP_NS - 3 * NS_PER_MS)
            if step % 2:
                yield open_ns + STEP_NS - NS_PER_MS, self._diff(open_ns + STEP_NS - NS_PER_MS)
            step += 1

    def _drift(self) -> None:
        """Move the fair price on, and now and then the mood."""
        rng, mood = self._rng, self._mood
        mood.steps_left -= 1
        if mood.steps_left <= 0:
            busy = rng.random() < 0.4
            scale = self._spec.price * (6e-6 if busy else 2e-6)
            way = (rng.random() > 0.5) * 2 - 1 if rng.random() < 0.75 else 0
            self._mood = mood = _Mood(
                drift=way * scale * (0.3 + 0.7 * rng.random()),
                noise=scale * 3,
                activity=1.2 if busy else 0.4,
                steps_left=160 + int(rng.random() * 640),
            )
        target = (mood.drift > 0) - (mood.drift < 0)
        self._lean += (target - self._lean) * 0.02
        self._fair += mood.drift + mood.noise * (2.0 * rng.random() - 1.0)
        self._fair = max(self._fair, 3.0 * DEPTH[Side.BUY])
        self._slow += (self._fair - self._slow) * 0.005

    def _trades(self, at_ns: int) -> Iterator[tuple[int, Event]]:
        rng, spec = self._rng, self._spec
        chance = self._mood.activity / (1.0 + self._mood.activity)
        for index in range(8):
            if rng.random() >= chance:
                return
            side = Side.BUY if rng.random() < 0.5 + 0.35 * self._lean else Side.SELL
            qty = int(spec.lot * (0.2 + 0.8 / (0.05 + rng.random())))
            price, traded = self._ladder.take(side, qty)
            self._interest += int(traded * self._lean * side.value)
            self._trade_id += 1
            now_ns = at_ns + index * 5 * NS_PER_MS
            yield now_ns, self._trade(now_ns, price, traded, side)
            yield from self._touch(now_ns)
            if self._forced(side):
                yield now_ns, self._liquidation(now_ns, price, traded, side)

    def _forced(self, side: Side) -> bool:
        """Whether this trade was a position that the move had ruined; only in fast markets."""
        moved_bps = (self._fair - self._slow) / self._slow * 10_000
        return moved_bps * side.value > 6.0 and self._rng.random() < 0.05

    def _requote(self) -> None:
        bid = int(self._fair)
        self._ladder.quote(Side.BUY, bid, self._lean)
        self._ladder.quote(Side.SELL, bid + 1, self._lean)

    def _trade(self, now_ns: int, price: int, qty: int, side: Side) -> TradeEvent:
        return TradeEvent(
            symbol=self._spec.symbol,
            exchange_ns=now_ns - _LAG_NS,
            price=self._price(price),
            qty=self._qty(qty),
            side=side.value,
            flags=0,
            id=self._trade_id,
            first_id=self._trade_id,
            last_id=self._trade_id,
        )

    def _touch(self, now_ns: int) -> Iterator[tuple[int, Event]]:
        """The best of both sides, if it changed."""
        best = self._ladder.best(Side.BUY), self._ladder.best(Side.SELL)
        if best == self._best:
            return
        self._best = best
        self._update_id += 1
        (bid, bid_qty), (ask, ask_qty) = best
        yield (
            now_ns,
            TouchEvent(
                symbol=self._spec.symbol,
                exchange_ns=now_ns - _LAG_NS,
                update_id=self._update_id,
                bid_price=self._price(bid),
                bid_qty=self._qty(bid_qty),
                ask_price=self._price(ask),
                ask_qty=self._qty(ask_qty),
            ),
        )

    def _snapshot(self) -> BookSnapshot:
        bids, asks = self._levels(self._ladder.sides)
        self._settle_changes()
        return BookSnapshot(self._spec.symbol, START_NS - _LAG_NS, self._update_id, bids, asks)

    def _diff(self, now_ns: int) -> BookDiff:
        bids, asks = self._levels(self._ladder.changed)
        first = self._book_id + 1
        self._update_id += 1
        self._settle_changes()
        return BookDiff(
            self._spec.symbol, now_ns - _LAG_NS, first, self._update_id, None, bids, asks
        )

    def _settle_changes(self) -> None:
        """What changed so far has been told, up to the present update id."""
        for changed in self._ladder.changed.values():
            changed.clear()
        self._book_id = self._update_id

    def _levels(self, sides: dict[Side, dict[int, int]]) -> tuple[Levels, Levels]:
        """Both sides as wire levels, best first."""
        bids = [(self._price(p), self._qty(q)) for p, q in sorted(sides[Side.BUY].items())]
        asks = [(self._price(p), self._qty(q)) for p, q in sorted(sides[Side.SELL].items())]
        return bids[::-1], asks

    def _liquidation(self, now_ns: int, price: int, qty: int, side: Side) -> LiquidationEvent:
        closed = PositionSide.SHORT if side is Side.BUY else PositionSide.LONG
        at_ns = now_ns - _LAG_NS
        return LiquidationEvent(
            self._spec.symbol, at_ns, closed.value, self._price(price), self._qty(qty)
        )

    def _derivatives(self, now_ns: int) -> DerivativesEvent:
        fair = int(self._fair)
        return DerivativesEvent(
            symbol=self._spec.symbol,
            known_ns=now_ns - _LAG_NS,
            mark_price=self._price(fair),
            index_price=self._price(int((self._fair + self._slow) / 2)),
            funding_rate=_text(100 + int(100 * self._lean), 6),
            next_funding_ns=(now_ns // _FUNDING_NS + 1) * _FUNDING_NS,
            open_interest=self._qty(self._interest),
        )

    def _price(self, ticks: int) -> str:
        return _text(ticks, self._spec.price_decimals)

    def _qty(self, steps: int) -> str:
        return _text(steps, self._spec.qty_decimals)


def _text(mantissa: int, decimals: int) -> str:
    """Decimal text of a whole number of the smallest unit; ``mantissa`` is not negative."""
    if not decimals:
        return str(mantissa)
    digits = str(mantissa).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}"
