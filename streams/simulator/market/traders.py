"""Traders: those who take what stands in the book, and those who wait in it."""

from __future__ import annotations

import math
from random import Random

from schemas.frame import Side
from streams.simulator.market.floor import TradingFloor
from streams.simulator.market.orders import Force, Outcome, Status
from streams.simulator.market.parameters import (
    LimitParameters,
    Lognormal,
    MarketParameters,
    PositionParameters,
)
from streams.simulator.market.positions import Positions
from streams.simulator.market.value import STEP_S

_FAST_S, _SLOW_S = 4.0, 45.0
_TRIES = 4
_SIDES = (Side.BUY, Side.SELL)


class Accounts:
    """The traders that hold leveraged positions, and which of them trades next."""

    def __init__(
        self,
        rng: Random,
        parameters: PositionParameters,
        positions: Positions,
        *,
        price: float,
        steps_per_quote: float,
    ) -> None:
        self._rng = rng
        self._p = parameters
        self._positions = positions
        self._owners = [f"agent:trader:{i}" for i in range(parameters.traders)]
        leverages = [leverage for leverage, _ in parameters.leverages]
        weights = [weight for _, weight in parameters.leverages]
        for owner in self._owners:
            positions.open(owner, rng.choices(leverages, weights)[0])
        self._hold(price, parameters.open_interest_quote * steps_per_quote)

    def choose(self, side: Side, qty: int) -> tuple[str, int]:
        """Who buys or sells about ``qty``, and how much: some only close what they hold."""
        rng, owners = self._rng, self._owners
        closing = rng.random() < self._p.closing
        owner = owners[int(rng.random() * len(owners))]
        for _ in range(_TRIES if closing else 0):
            held = self._positions.of(owner)
            if held * side < 0:
                return owner, min(qty, abs(held))
            owner = owners[int(rng.random() * len(owners))]
        return owner, qty

    def long_short_ratio(self) -> str:
        """Traders that are long by traders that are short."""
        held = [self._positions.of(owner) for owner in self._owners]
        longs = sum(position > 0 for position in held)  # ints
        shorts = sum(position < 0 for position in held)  # ints
        return f"{longs / max(1, shorts):.4f}"

    def _hold(self, price: float, open_interest: float) -> None:
        """Open positions from before the market's start: half of the traders long, half short."""
        rng, positions = self._rng, self._positions
        half = len(self._owners) // 2
        for side, owners in zip(_SIDES, (self._owners[:half], self._owners[half:]), strict=True):
            # The higher the leverage, the smaller the position.
            shares = [
                rng.lognormvariate(0.0, 1.5) / (positions.accounts[owner].leverage or 1)
                for owner in owners
            ]
            total = math.fsum(shares)
            quantities = [max(1, round(open_interest * share / total)) for share in shares]
            # Both sides hold the same: the largest holder makes up for what rounding left.
            largest = max(range(len(quantities)), key=quantities.__getitem__)
            quantities[largest] += round(open_interest) - sum(quantities)  # ints
            for owner, qty in zip(owners, quantities, strict=True):
                leverage = positions.accounts[owner].leverage or 1
                room = 1.0 / leverage - self._p.maintenance
                # Where it was opened: anywhere from which it has not been ruined yet.
                entry = price * (1.0 + side * room * rng.uniform(-1.0, 0.85))
                positions.trade(owner, side, entry, qty)


class Takers:
    """Noise, informed, momentum and mean-reversion traders: how often each comes, and its order."""

    def __init__(
        self, rng: Random, market: MarketParameters, accounts: Accounts, *, steps_per_quote: float
    ) -> None:
        self._rng = rng
        self._p = market.takers
        self._accounts = accounts
        self._steps_per_quote = steps_per_quote
        self._fast: float | None = None
        self._slow = 0.0
        self._fair = 0.0
        self._informed = {Side.BUY: 0.0, Side.SELL: 0.0}
        self._total = {Side.BUY: 0.0, Side.SELL: 0.0}

    def look(self, *, mid: float, fair: float, activity: float, sigma_bps: float) -> None:
        """A step of time has passed; ``mid`` and ``fair`` are in ticks.

        ``sigma_bps`` is the present volatility per √second.
        """
        p = self._p
        if self._fast is None:
            self._fast = self._slow = mid
        self._fast += (mid - self._fast) * STEP_S / _FAST_S
        self._slow += (mid - self._slow) * STEP_S / _SLOW_S
        self._fair = fair
        to_bps = 1e4 / mid
        gap_bps = (fair - mid) * to_bps
        trend = (self._fast - self._slow) * to_bps / (sigma_bps * math.sqrt(_SLOW_S))
        stretch = (mid - self._slow) * to_bps / (sigma_bps * math.sqrt(_SLOW_S))
        for side in _SIDES:
            informed = p.informed_per_s * min(max(gap_bps * side - p.cost_bps, 0.0), 4.0)
            others = p.noise_per_s
            others += p.momentum_per_s * min(max(trend * side, 0.0), 3.0)
            others += p.reversion_per_s * min(max(-stretch * side, 0.0), 3.0)
            self._informed[side] = informed
            self._total[side] = informed + others * activity

    def rate(self, side: Side) -> float:
        """Market orders of this side per second, but for those that others have excited."""
        return self._total[side]

    def act(self, floor: TradingFloor, side: Side) -> Outcome:
        """One of them trades."""
        p, rng = self._p, self._rng
        if rng.random() * self._total[side] < self._informed[side]:
            limit = self._fair * (1.0 - side * p.cost_bps * 1e-4)
            size = p.informed_size
        else:
            limit = self._fair * (1.0 + side * p.protection_bps * 1e-4)
            size = p.size
        qty = draw(rng, size, self._steps_per_quote)
        owner, qty = self._accounts.choose(side, qty)
        price = max(1, math.floor(limit) if side is Side.BUY else math.ceil(limit))
        return floor.limit(owner, side, price=price, qty=qty, force=Force.IOC)


class Patient:
    """Those whose orders wait: at the touch, or far behind it; and who cancels again."""

    def __init__(
        self,
        rng: Random,
        parameters: LimitParameters,
        accounts: Accounts,
        *,
        steps_per_quote: float,
    ) -> None:
        self._rng = rng
        self._p = parameters
        self._accounts = accounts
        self._steps_per_quote = steps_per_quote
        self._resting: dict[Side, list[int]] = {Side.BUY: [], Side.SELL: []}

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


def draw(rng: Random, size: Lognormal, steps_per_quote: float) -> int:
    """A size in steps, at least 1."""
    quote = min(size.median * math.exp(rng.gauss(0.0, size.sigma)), size.most)
    return max(1, round(quote * steps_per_quote))
