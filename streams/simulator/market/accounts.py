"""The traders: which of them comes next, with how much, and what they hold from before."""

from __future__ import annotations

import math
from random import Random

from schemas.frame import Side
from streams.simulator.market.parameters import Lognormal, PositionParameters
from streams.simulator.market.positions import Positions

TRADERS = "agent:trader:"
_TRIES = 4


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
        self._owners = [f"{TRADERS}{i}" for i in range(parameters.traders)]
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
        for side, owners in zip(
            (Side.BUY, Side.SELL), (self._owners[:half], self._owners[half:]), strict=True
        ):
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


def draw(rng: Random, size: Lognormal, steps_per_quote: float) -> int:
    """A size in steps, at least 1."""
    quote = min(size.median * math.exp(rng.gauss(0.0, size.sigma)), size.most)
    return max(1, round(quote * steps_per_quote))
