"""Those who take what stands in the book: noise, informed, momentum and mean-reversion traders."""

from __future__ import annotations

import math
from random import Random

from schemas.frame import Side
from streams.simulator.market.accounts import Accounts, draw
from streams.simulator.market.floor import TradingFloor
from streams.simulator.market.orders import Force, Outcome
from streams.simulator.market.parameters import TakerParameters
from streams.simulator.market.value import STEP_S

_FAST_S, _SLOW_S = 4.0, 45.0
_MOST_DEVIATIONS = 3.0
_MOST_GAP_BPS = 4.0


class Takers:
    """How often each kind of them comes, and what it orders."""

    def __init__(
        self,
        rng: Random,
        parameters: TakerParameters,
        accounts: Accounts,
        *,
        steps_per_quote: float,
    ) -> None:
        self._rng = rng
        self._p = parameters
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
        for side in (Side.BUY, Side.SELL):
            informed = p.informed_per_s * min(max(gap_bps * side - p.cost_bps, 0.0), _MOST_GAP_BPS)
            others = p.noise_per_s
            others += p.momentum_per_s * min(max(trend * side, 0.0), _MOST_DEVIATIONS)
            others += p.reversion_per_s * min(max(-stretch * side, 0.0), _MOST_DEVIATIONS)
            self._informed[side] = informed
            self._total[side] = informed + others * activity

    def rate(self, side: Side) -> float:
        """Market orders of this side per second, but for those that others have excited."""
        return self._total[side]

    def act(self, floor: TradingFloor, side: Side, *, excited: float) -> Outcome:
        """One of them trades.

        ``excited`` is the rate of those who only follow what others have done; they are not
        informed.
        """
        p, rng = self._p, self._rng
        if rng.random() * (self._total[side] + excited) < self._informed[side]:
            limit = self._fair * (1.0 - side * p.cost_bps * 1e-4)
            size = p.informed_size
        else:
            limit = self._fair * (1.0 + side * p.protection_bps * 1e-4)
            size = p.size
        qty = draw(rng, size, self._steps_per_quote)
        owner, qty = self._accounts.choose(side, qty)
        price = max(1, math.floor(limit) if side is Side.BUY else math.ceil(limit))
        return floor.limit(owner, side, price=price, qty=qty, force=Force.IOC)
