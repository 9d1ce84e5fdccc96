"""Market makers: they quote both sides around what they think fair, and shed what they hold."""

from __future__ import annotations

import math
from random import Random

from schemas.frame import Side
from streams.simulator.market.floor import TradingFloor
from streams.simulator.market.orders import Force, Status
from streams.simulator.market.parameters import MakerParameters

SIDES = (Side.BUY, Side.SELL)


class Quote:
    """Orders of one maker at one price."""

    __slots__ = ("ids", "price")

    def __init__(self, price: int, ids: list[int]) -> None:
        self.price = price
        self.ids = ids


class Maker:
    """One maker.

    Its fair price is the market's, shifted by its own slow opinion and against its inventory. At
    the touch it quotes the fair price rounded away from it, or as near as it can without trading;
    it leaves a quote alone until the fair price has gone through it by its tolerance, or the
    market has left it behind. Behind the touch it keeps a ladder of larger orders, which it moves
    when the fair price is ``ladder_slack_bps`` from where it was.
    """

    def __init__(
        self, owner: str, rng: Random, parameters: MakerParameters, *, steps_per_quote: float
    ) -> None:
        low, high = parameters.tolerance_bps
        self.owner = owner
        self._rng = rng
        self._p = parameters
        self._steps_per_quote = steps_per_quote
        self._tolerance = rng.uniform(low, high) * 1e-4
        self._opinion = 0.0
        self._touch: dict[Side, Quote | None] = {Side.BUY: None, Side.SELL: None}
        self._ladder: dict[Side, list[int]] = {Side.BUY: [], Side.SELL: []}
        self._anchor: float | None = None

    def delay_s(self) -> float:
        """How long it takes to answer to a change of the market."""
        return self._p.latency_s * self._rng.expovariate(1.0)

    def period_s(self) -> float:
        """When it looks again by itself."""
        return self._p.period_s * (0.5 + self._rng.random())

    def quote(self, floor: TradingFloor, fair: float) -> None:
        """Look at the market, whose fair price is ``fair`` (ticks), and put its orders right."""
        rng, p = self._rng, self._p
        self._opinion += -0.05 * self._opinion + rng.gauss(0.0, p.opinion_bps * 0.31)
        full = floor.positions.of(self.owner) / (p.inventory_quote * self._steps_per_quote)
        skew = p.skew_bps * min(max(full, -3.0), 3.0)
        mine = fair * (1.0 + (self._opinion - skew) * 1e-4)
        for side in SIDES:
            self._quote_touch(floor, side, mine)
        if self._anchor is None or abs(mine / self._anchor - 1.0) > p.ladder_slack_bps * 1e-4:
            self._anchor = mine
            for side in SIDES:
                self._move_ladder(floor, side, mine)

    def _quote_touch(self, floor: TradingFloor, side: Side, fair: float) -> None:
        book = floor.book
        if side is Side.BUY:
            ask, best = book.best_ask(), book.best_bid()
            target = math.floor(fair) if ask is None else min(math.floor(fair), ask - 1)
        else:
            bid, best = book.best_bid(), book.best_ask()
            target = math.ceil(fair) if bid is None else max(math.ceil(fair), bid + 1)
        quote = self._touch[side]
        if quote is not None:
            quote.ids = [order_id for order_id in quote.ids if order_id in book.orders]
            tolerance = self._tolerance * fair
            through = (quote.price - fair) * side > tolerance
            improves = best is None or (target - best) * side > 0
            if best is not None and not improves:
                target = min(target, best) if side is Side.BUY else max(target, best)
            slack = 0 if improves else self._p.join_bps * 1e-4 * fair
            behind = (target - quote.price) * side > slack
            if quote.ids and not through and not behind:
                if 2 * len(quote.ids) <= self._p.touch_orders:
                    quote.ids += self._post(floor, side, quote.price, 1)
                return
            for order_id in quote.ids:
                floor.cancel(order_id)
        self._touch[side] = Quote(target, self._post(floor, side, target, self._p.touch_orders))

    def _move_ladder(self, floor: TradingFloor, side: Side, fair: float) -> None:
        for order_id in self._ladder[side]:
            if order_id in floor.book.orders:
                floor.cancel(order_id)
        rng, p = self._rng, self._p
        nearest, farthest = p.ladder_bps
        growth = (farthest / nearest) ** (1.0 / max(1, p.ladder_levels - 1))
        ids: list[int] = []
        for rung in range(p.ladder_levels):
            distance = nearest * growth**rung * (0.75 + 0.5 * rng.random())
            price = math.floor(fair * (1.0 - side * distance * 1e-4))
            # Each rung stands for the stretch between it and the next: as wide as it is far away.
            quote = p.ladder_quote * distance * (0.5 + rng.random())
            ids += self._limit(floor, side, price, quote)
        self._ladder[side] = ids

    def _post(self, floor: TradingFloor, side: Side, price: int, count: int) -> list[int]:
        ids: list[int] = []
        for _ in range(count):
            quote = self._p.touch_quote / self._p.touch_orders * self._rng.lognormvariate(-0.5, 1.0)
            ids += self._limit(floor, side, price, quote)
        return ids

    def _limit(self, floor: TradingFloor, side: Side, price: int, quote: float) -> list[int]:
        """Rest an order worth ``quote``; its id, or nothing if it would have traded."""
        qty = max(1, round(quote * self._steps_per_quote))
        outcome = floor.limit(self.owner, side, price=max(1, price), qty=qty, force=Force.POST_ONLY)
        return [outcome.order_id] if outcome.status is Status.RESTING else []
