"""Those whose orders wait in the book."""

from __future__ import annotations

from random import Random

from schemas.frame import Side
from streams.simulator.market.accounts import TRADERS, Accounts, draw
from streams.simulator.market.floor import TradingFloor
from streams.simulator.market.orders import Force, Outcome, Status
from streams.simulator.market.parameters import PatientParameters


class Patient:
    """Puts their orders into the book, at the touch or far behind it, and takes them out again."""

    def __init__(
        self,
        rng: Random,
        parameters: PatientParameters,
        accounts: Accounts,
        *,
        steps_per_quote: float,
    ) -> None:
        self._rng = rng
        self._p = parameters
        self._accounts = accounts
        self._steps_per_quote = steps_per_quote
        self._resting: dict[Side, list[int]] = {Side.BUY: [], Side.SELL: []}

    def retreat(self, floor: TradingFloor, fair: float) -> None:
        """Some of those at the best price see that the fair price has gone through it, and leave.

        Called once per step of time; ``fair`` is in ticks.
        """
        p, rng = self._p, self._rng
        for book_side in (floor.book.bids, floor.book.asks):
            best = book_side.best()
            if best is None or (best.price - fair) * best.side < p.watched_bps * 1e-4 * fair:
                continue
            order = best.first
            while order is not None:
                following = order.after
                if order.owner.startswith(TRADERS) and rng.random() < p.watching:
                    floor.cancel(order.id)
                order = following

    def forget_traded(self, floor: TradingFloor) -> None:
        """Count only what still stands in the book."""
        for side, ids in self._resting.items():
            self._resting[side] = [order_id for order_id in ids if order_id in floor.book.orders]

    def share_resting(self, side: Side) -> float:
        """Orders that rest, as a share of what is normal."""
        return len(self._resting[side]) / self._p.resting

    def act(self, floor: TradingFloor, side: Side) -> Outcome | None:
        """One of them puts an order into the book."""
        rng, p = self._rng, self._p
        best = floor.book.best_bid() if side is Side.BUY else floor.book.best_ask()
        if best is None:
            return None
        distance = 0
        if rng.random() >= p.at_touch:
            beyond = p.near_bps * ((1.0 - rng.random()) ** (-1.0 / p.tail) - 1.0)
            distance = round(best * min(beyond, p.farthest_bps) * 1e-4)
        qty = draw(rng, p.size, self._steps_per_quote)
        owner, qty = self._accounts.choose(side, qty)
        price = max(1, best - side * distance)
        outcome = floor.limit(owner, side, price=price, qty=qty, force=Force.POST_ONLY)
        if outcome.status is Status.RESTING:
            self._resting[side].append(outcome.order_id)
        return outcome

    def cancel(self, floor: TradingFloor, side: Side) -> None:
        """One of them cancels; those that have traded meanwhile are forgotten."""
        ids = self._resting[side]
        while ids:
            i = int(self._rng.random() * len(ids))
            ids[i], ids[-1] = ids[-1], ids[i]
            order_id = ids.pop()
            if order_id in floor.book.orders:
                floor.cancel(order_id)
                return
