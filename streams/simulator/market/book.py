"""A limit order book that matches by price, then time."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import NamedTuple

from schemas.frame import Side
from streams.simulator.market.orders import Fill, Force, Level, Order, Outcome, SelfTrade, Status


class UnknownOrder(LookupError):
    """No such order rests in the book: it never did, or it has traded or was cancelled."""


class _Incoming(NamedTuple):
    """An order on its way; ``price`` is ``None`` for any, ``id`` given if it has one already."""

    owner: str
    side: Side
    price: int | None
    qty: int
    force: Force
    self_trade: SelfTrade
    id: int | None = None


class BookSide:
    """The levels of one side.

    ``keys`` are ``side * price``, ascending, so that the best is last on both sides, where most
    changes are. A level is found by hash, the best is the last key; a level that comes or goes
    costs a bisection and the move of the keys behind it.
    """

    __slots__ = ("keys", "levels", "side")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}

    def best(self) -> Level | None:
        """The level that trades first, ``None`` if there is none."""
        return self.levels[self.keys[-1] * self.side] if self.keys else None

    def at(self, price: int) -> Level:
        """The level of a price; a new one if there is none."""
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level(self.side, price)
            insort(self.keys, price * self.side)
        return level

    def drop(self, price: int) -> None:
        """Remove a level that has no orders any more."""
        del self.levels[price], self.keys[bisect_left(self.keys, price * self.side)]

    def depth(self, count: int | None = None) -> list[tuple[int, int]]:
        """Price and quantity of the best ``count`` levels (of all), best first."""
        keys = self.keys[::-1] if count is None else self.keys[: -count - 1 : -1]
        side, levels = self.side, self.levels
        return [(key * side, levels[key * side].qty) for key in keys]


class MatchingBook:
    """Orders of any owners; every change of it goes through these methods.

    Orders are numbered from 1 in the order in which they come. ``changed`` collects (side, price)
    of every level that changed, for whoever publishes the book, who clears it; ``updates`` counts
    changes and never falls. A resting order's cost is O(1) to reduce or cancel within its level;
    an incoming one's is O(1) per fill. Memory: the resting orders.

    >>> book = MatchingBook()
    >>> ask = book.limit("a", Side.SELL, price=101, qty=5)
    >>> bought = book.market("b", Side.BUY, qty=2)
    >>> bought.fills[0].price, bought.fills[0].maker_owner, bought.fills[0].maker_left
    (101, 'a', 3)
    """

    def __init__(self) -> None:
        self.bids = BookSide(Side.BUY)
        self.asks = BookSide(Side.SELL)
        self.orders: dict[int, Order] = {}
        self.changed: dict[tuple[Side, int], None] = {}
        self.updates = 0
        self._last_id = 0

    def side(self, side: Side) -> BookSide:
        """Bids (``BUY``) or asks."""
        return self.bids if side is Side.BUY else self.asks

    def best_bid(self) -> int | None:
        """Ticks; ``None`` on an empty side."""
        return self.bids.keys[-1] if self.bids.keys else None

    def best_ask(self) -> int | None:
        """Ticks; ``None`` on an empty side."""
        return -self.asks.keys[-1] if self.asks.keys else None

    def market(
        self,
        owner: str,
        side: Side,
        *,
        qty: int,
        self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER,
    ) -> Outcome:
        """Trade ``qty`` at whatever price; what finds nobody lapses. Raises ``ValueError``."""
        return self._take(_Incoming(owner, side, None, qty, Force.IOC, self_trade))

    def limit(
        self,
        owner: str,
        side: Side,
        *,
        price: int,
        qty: int,
        force: Force = Force.GTC,
        self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER,
    ) -> Outcome:
        """Trade ``qty`` at ``price`` or better, and do with the rest as ``force`` says.

        Raises ``ValueError`` for a price or quantity that is not positive.
        """
        if price <= 0:
            raise ValueError(f"a price of {price} ticks: must be positive")
        return self._take(_Incoming(owner, side, price, qty, force, self_trade))

    def cancel(self, order_id: int) -> Order:
        """Take a resting order out; it tells what was left. Raises :class:`UnknownOrder`."""
        order = self._resting(order_id)
        self._remove(order)
        return order

    def reduce(self, order_id: int, *, by: int) -> Order:
        """Make a resting order smaller; it keeps its place, and is cancelled at nothing left.

        Raises :class:`UnknownOrder`, and ``ValueError`` for a ``by`` that is not positive.
        """
        if by <= 0:
            raise ValueError(f"a reduction by {by} steps: must be positive")
        order = self._resting(order_id)
        if by >= order.qty:
            self._remove(order)
            order.qty = 0
            return order
        order.qty -= by
        order.level.qty -= by
        self._touched(order.level)
        return order

    def amend(
        self,
        order_id: int,
        *,
        price: int,
        qty: int,
        force: Force = Force.GTC,
        self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER,
    ) -> Outcome:
        """Give a resting order another price or (remaining) quantity.

        Less at the same price keeps its place in the queue. Anything else goes to the end of its
        new queue under the same id, and may trade on the way. A ``POST_ONLY`` amendment that would
        trade is refused and changes nothing. Raises as :meth:`reduce` and :meth:`limit`.
        """
        order = self._resting(order_id)
        if price <= 0 or qty <= 0:
            raise ValueError(f"amend to {qty} steps at {price} ticks: must be positive")
        if price == order.price and qty <= order.qty:
            if qty < order.qty:
                self.reduce(order_id, by=order.qty - qty)
            return Outcome(order_id, Status.RESTING, qty)
        if force is Force.POST_ONLY and self._crosses(order.side, price):
            return Outcome(order_id, Status.REFUSED, order.qty)
        owner, side = order.owner, order.side
        self._remove(order)
        return self._take(_Incoming(owner, side, price, qty, force, self_trade, order_id))

    def _take(self, order: _Incoming) -> Outcome:
        """Trade what can trade, and do with the rest as the order says."""
        if order.qty <= 0:
            raise ValueError(f"a quantity of {order.qty} steps: must be positive")
        outcome = Outcome(order.id or self._new_id(), Status.REFUSED, order.qty)
        side, price, force = order.side, order.price, order.force
        if force is Force.POST_ONLY and price is not None and self._crosses(side, price):
            return outcome
        if force is Force.FOK and self._available(order) < order.qty:
            outcome.status = Status.EXPIRED
            return outcome
        may_rest = self._match(order, outcome)
        if outcome.left == 0:
            outcome.status = Status.FILLED
        elif price is not None and may_rest and force in (Force.GTC, Force.POST_ONLY):
            self._rest(outcome.order_id, order.owner, side, price, outcome.left)
            outcome.status = Status.RESTING
        else:
            outcome.status = Status.EXPIRED
        return outcome

    def _match(self, order: _Incoming, outcome: Outcome) -> bool:
        """Trade with the other side, best first; whether the rest may stand in the book."""
        side, price, owner, left = order.side, order.price, order.owner, order.qty
        opposite = self.asks if side is Side.BUY else self.bids
        may_rest = True
        while left and (level := opposite.best()) is not None:
            if price is not None and (level.price - price) * side > 0:
                break
            maker = level.first
            assert maker is not None, "a level without orders is dropped"
            if maker.owner == owner and order.self_trade is not SelfTrade.ALLOW:
                if order.self_trade is not SelfTrade.EXPIRE_TAKER:
                    self._remove(maker)
                    outcome.expired_ids.append(maker.id)
                if order.self_trade is not SelfTrade.EXPIRE_MAKER:
                    may_rest = False
                    break
                continue
            traded = min(left, maker.qty)
            left -= traded
            if traded == maker.qty:
                self._remove(maker)
                maker.qty = 0
            else:
                maker.qty -= traded
                level.qty -= traded
                self._touched(level)
            outcome.fills.append(
                Fill(
                    price=level.price,
                    qty=traded,
                    maker_id=maker.id,
                    maker_owner=maker.owner,
                    maker_left=maker.qty,
                    taker_id=outcome.order_id,
                    taker_owner=owner,
                    taker_side=side,
                )
            )
        outcome.left = left
        return may_rest

    def _available(self, order: _Incoming) -> int:
        """What an order could trade, its owner's own orders treated as it says."""
        opposite, total = self.side(Side(-order.side)), 0
        for key in reversed(opposite.keys):
            level = opposite.levels[key * opposite.side]
            if order.price is not None and (level.price - order.price) * order.side > 0:
                break
            resting = level.first
            while resting is not None:
                if resting.owner != order.owner or order.self_trade is SelfTrade.ALLOW:
                    total += resting.qty
                elif order.self_trade is not SelfTrade.EXPIRE_MAKER:
                    return total
                resting = resting.after
        return total

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _crosses(self, side: Side, price: int) -> bool:
        other = self.best_ask() if side is Side.BUY else self.best_bid()
        return other is not None and (price - other) * side >= 0

    def _rest(self, order_id: int, owner: str, side: Side, price: int, qty: int) -> None:
        level = self.side(side).at(price)
        order = self.orders[order_id] = Order(order_id, owner, qty, level)
        level.append(order)
        self._touched(level)

    def _remove(self, order: Order) -> None:
        level = order.level
        level.remove(order)
        del self.orders[order.id]
        if level.first is None:
            self.side(level.side).drop(level.price)
        self._touched(level)

    def _touched(self, level: Level) -> None:
        self.updates += 1
        self.changed[level.side, level.price] = None

    def _resting(self, order_id: int) -> Order:
        order = self.orders.get(order_id)
        if order is None:
            raise UnknownOrder(f"order {order_id}: not in the book (any more)")
        return order
